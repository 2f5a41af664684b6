"""What `zip_and_concat.py` becomes, planned and run."""


def test_zip_stops_at_the_shorter_list(dynadag):
    """A table without an hour gets no instance."""
    given = {"list_tables": ["orders", "customers", "products"], "list_hours": [6, 7]}

    plan = dynadag.plan("zip_lists", given=given)

    assert plan.counts == {"list_tables": 1, "list_hours": 1, "load": 2}
    assert plan["load"].inputs == [{"job": ("orders", 6)}, {"job": ("customers", 7)}]


def test_concat_adds_the_lists(dynadag):
    """A concatenation has an instance for each element of either list, in their order."""
    given = {"list_csv": ["a.csv"], "list_json": ["b.json", "c.json"]}

    run = dynadag.run("concat_lists", given=given)

    assert run.success
    assert [run.xcoms[f"read[{i}]"] for i in range(3)] == ["a.csv read", "b.json read", "c.json read"]
    assert run.expansion == dynadag.plan("concat_lists", given=given)
