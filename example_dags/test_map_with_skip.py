"""What `map_with_skip.py` becomes, planned and run."""


def test_skipped_elements_keep_their_place(dynadag):
    """A skipped element has an instance, and those after it keep their index."""
    run = dynadag.run("map_with_skip", given={"list_files": ["a.csv", "readme.md", "b.csv"]})

    assert run.success
    assert run.states["load[1]"] == "skipped"
    assert run.xcoms["load[2]"] == "b.csv loaded"


def test_collected_results_close_ranks(dynadag):
    """In the collected results a skipped element leaves no gap: positions are no longer map indexes."""
    run = dynadag.run("map_with_skip", given={"list_files": ["a.csv", "readme.md", "b.csv"]})

    assert run.xcoms["collect"] == ["a.csv loaded", "b.csv loaded"]
