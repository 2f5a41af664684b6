"""What `cross_product.py` becomes, planned and run."""


def test_lengths_multiply(dynadag):
    """Two models and any number of regions make twice as many instances."""
    for regions in ([], ["eu"], ["eu", "us"], ["eu", "us", "apac", "latam"]):
        plan = dynadag.plan("cross_product", given={"list_regions": regions})

        assert plan["train"].count == 2 * len(regions)


def test_plan_and_run_agree(dynadag):
    """The combinations come in the order that was planned."""
    run = dynadag.run("cross_product", given={"list_regions": ["eu", "us"]})

    assert run.success
    assert run.xcoms["train[1]"] == "linear trained in us for 2 epochs"
    assert run.expansion == dynadag.plan("cross_product", given={"list_regions": ["eu", "us"]})
