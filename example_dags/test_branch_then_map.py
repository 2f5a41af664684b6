"""What `branch_then_map.py` becomes, planned and run."""


def test_mail_on_a_working_day(dynadag):
    """With work to do, every recipient has an instance."""
    run = dynadag.run("branch_then_map", params={"day": "monday"})

    assert run.success
    assert run.states["rest"] == "skipped"
    assert run.xcoms["send[1]"] == "sent to grace@example.org"


def test_no_mail_on_sundays(dynadag):
    """What the branch does not choose is never expanded, although there are recipients."""
    run = dynadag.run("branch_then_map", params={"day": "sunday"})

    assert run.success
    assert run.expansion["send"].count == 0
    assert run.states["send"] == "skipped"
    assert run.states["close_day"] == "success"
