"""What `taskflow_each.py` becomes, planned and run."""

DATA = [
    {"data_id": "orders", "process_time": "2024-05-01T06:00"},
    {"data_id": "refunds", "process_time": "2024-05-02T06:00"},
]


def test_collect_waits_for_all(dynadag):
    """The collecting task depends on every instance."""
    plan = dynadag.plan("taskflow_each", given={"list_data": DATA})

    assert plan["process"].inputs == DATA
    assert plan.upstream("collect") == ["process[0]", "process[1]"]


def test_results_keep_their_order(dynadag):
    """The collected results stand in the order of the list, whichever instance ended first."""
    run = dynadag.run("taskflow_each", given={"list_data": DATA})

    assert run.success
    assert run.xcoms["collect"] == [
        "orders processed for 2024-05-01T06:00 (incremental)",
        "refunds processed for 2024-05-02T06:00 (incremental)",
    ]
