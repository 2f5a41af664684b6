"""What `print_each.py` becomes, planned and run."""


def test_one_instance_per_name(dynadag):
    """Each name of the list becomes one instance, which gets that name alone."""
    plan = dynadag.plan("print_each", given={"list_names": ["ada", "grace"]})

    assert plan.counts == {"list_names": 1, "print_name": 2}
    assert plan["print_name"].inputs == [{"op_args": ["ada"]}, {"op_args": ["grace"]}]
    assert plan.upstream("print_name[1]") == ["list_names"]


def test_each_name_is_printed(dynadag):
    """The given list is not computed again: the instances run with exactly these names."""
    run = dynadag.run("print_each", given={"list_names": ["ada", "grace"]})

    assert run.success
    assert run.xcoms["print_name[0]"] == "ada"
    assert run.xcoms["print_name[1]"] == "grace"
