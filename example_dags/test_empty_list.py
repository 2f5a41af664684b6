"""What `empty_list.py` becomes, planned and run."""


def test_nothing_to_do_ends_with_a_report(dynadag):
    """A run without files is a success: loading is skipped, the report is written."""
    run = dynadag.run("empty_list", given={"list_new_files": []})

    assert run.success
    assert run.states == {
        "list_new_files": "success",
        "load": "skipped",  # never expanded: it stands under its plain name
        "publish": "skipped",
        "report": "success",
    }
    assert run.xcoms["report"] == "0 loaded"


def test_plan_and_run_agree_on_nothing(dynadag):
    """A plan knows the same before."""
    plan = dynadag.plan("empty_list", given={"list_new_files": []})

    assert plan["load"].count == 0
    assert plan["load"].state == "skipped"
    assert plan == dynadag.run("empty_list", given={"list_new_files": []}).expansion
