"""What `process_each.py` becomes, planned and run."""

DATA = [
    {"data_id": "orders", "process_time": "2024-05-01T06:00"},
    {"data_id": "refunds", "process_time": "2024-05-02T06:00"},
    {"data_id": "orders", "process_time": "2024-05-03T06:00"},
]


def test_one_instance_per_dict(dynadag):
    """Each dict is one instance's arguments; what partial() holds is not part of them."""
    plan = dynadag.plan("process_each", given={"list_data": DATA})

    assert plan.counts == {"list_data": 1, "process": 3}
    assert plan["process"].inputs == DATA


def test_plan_and_run_agree(dynadag):
    """What was planned for a list of dicts is what Airflow makes of it."""
    run = dynadag.run("process_each", given={"list_data": DATA})

    assert run.success
    assert run.xcoms["process[1]"] == "refunds processed for 2024-05-02T06:00 (incremental)"
    assert run.expansion == dynadag.plan("process_each", given={"list_data": DATA})
