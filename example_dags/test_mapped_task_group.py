"""What `mapped_task_group.py` becomes, planned and run."""


def test_files_do_not_wait_for_each_other(dynadag):
    """Inside the group an instance depends on the one of the same file (and on what the group is mapped over); after it, on all of them."""
    plan = dynadag.plan("mapped_task_group", given={"list_files": ["orders.csv", "customers.csv"]})

    assert plan.upstream("each_file.load[1]") == ["each_file.extract[1]", "list_files"]
    assert plan.upstream("report") == ["each_file.load[0]", "each_file.load[1]"]


def test_plan_and_run_agree(dynadag):
    """Every file goes through the whole chain."""
    given = {"list_files": ["orders.csv", "customers.csv"]}

    run = dynadag.run("mapped_task_group", given=given)

    assert run.success
    assert run.xcoms["report"] == ["rows of orders.csv loaded", "rows of customers.csv loaded"]
    assert run.expansion == dynadag.plan("mapped_task_group", given=given)
