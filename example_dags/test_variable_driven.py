"""What `variable_driven.py` becomes for different values of its Variable."""


def test_variable_decides(dynadag):
    """A Variable that is given to load() is what the file finds when it is read."""
    bag = dynadag.load("example_dags/variable_driven.py", variables={"cities": '["lima"]'})

    plan = dynadag.plan(bag.dags["variable_driven"])

    assert plan.counts == {"forecast": 1, "publish": 1}
    assert plan["forecast"].inputs == [{"city": "lima"}]


def test_default_for_real(dynadag):
    """Without the Variable the file takes its default."""
    run = dynadag.run("variable_driven")

    assert run.success
    assert run.xcoms["publish"] == ["sunny in oslo", "sunny in rome"]
