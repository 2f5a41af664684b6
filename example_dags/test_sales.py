"""What `sales.py` becomes, planned and run."""


def test_fan_out(dynadag):
    """Every region is loaded by an instance of its own, and the report waits for all."""
    plan = dynadag.plan("sales", given={"list_regions": ["eu", "us"]})

    assert plan.counts == {"list_regions": 1, "load": 2, "report": 1}
    assert plan["load"].inputs == [{"region": "eu"}, {"region": "us"}]
    assert plan.upstream("report") == ["load[0]", "load[1]"]


def test_for_real(dynadag):
    """What Airflow makes of the same regions is what was planned."""
    run = dynadag.run("sales", given={"list_regions": ["eu", "us"]}, at="2024-05-01")

    assert run.success
    assert run.states["load[0]"] == "success"
    assert run.xcoms["load[1]"] == "us loaded"
    assert run.xcoms["report"] == "2 regions: eu loaded, us loaded"
    assert run.expansion == dynadag.plan("sales", given={"list_regions": ["eu", "us"]})
