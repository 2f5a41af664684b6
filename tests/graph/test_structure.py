"""A DAG as written: order, relations, and its JSON form."""

from __future__ import annotations

import json

import pytest
from building import dag, over, rows, task

from pytest_dynadag.errors import UnknownNameError
from pytest_dynadag.graph.behaviour import BEHAVIOURS, behaviour_of
from pytest_dynadag.graph.sources import Argument, Concat, Function, Map, Output, Zip
from pytest_dynadag.graph.structure import Group, Structure
from pytest_dynadag.location import Location

RICH = dag(
    Group("g", None, over(v={"k": (1, 2)}), Location("dags/sales.py", 8)),
    task("a", skips="branch", line=3, retries=2, pushes_output=False),
    task(
        "b",
        over(x=Map(Zip((Output("a"), Concat((Output("a"), Output("a")))), None), (Function("f"),))),
        after="a",
    ),
    task("c", rows([{"x": Output("b", "key")}]), after="b", map_index_template="{{ task.x }}"),
    task("g.d", after="c", arguments={"x": Argument("g", "v"), "of": {3, 1}}, is_teardown=True),
)


def test_a_structure_survives_as_json() -> None:
    """All that a structure holds comes back from JSON, and means the same."""
    assert RICH == Structure.from_dict(json.loads(json.dumps(RICH.to_dict())))


def test_another_format_is_refused() -> None:
    """JSON of another format is not read as if it were ours."""
    with pytest.raises(ValueError, match="structure format 99, but this version reads 1"):
        Structure.from_dict({**RICH.to_dict(), "format": 99})


def test_tasks_stand_upstream_first() -> None:
    """Whatever the order in which they are written, tasks follow those they wait for, else their ids."""
    assert ["a", "z", "b", "m"] == [
        t.task_id for t in dag(task("b", after="z"), task("z"), task("m", after="b"), task("a")).tasks
    ]


def test_tasks_in_a_circle_are_refused() -> None:
    """Tasks that wait for each other have no order."""
    with pytest.raises(
        ValueError, match=r"tasks wait for each other, or for one that is not there: \['a', 'b'\]"
    ):
        dag(task("a", after="b"), task("b", after="a"))


def test_above_and_below() -> None:
    """What a task waits for, and what waits for it, directly or not."""
    structure = dag(task("a"), task("b", after="a"), task("c", after="b"))

    assert ({"a", "b"}, {"b", "c"}) == (structure.above("c"), structure.below("a"))


def test_what_decides_a_length() -> None:
    """Sources of a mapping are the outputs that are counted, or are whole rows; not those inside a literal."""
    structure = dag(
        task("a"),
        task("b"),
        task("one", over(x=[Output("a")], y="b")),
        task("two", rows([Output("a"), {"x": Output("b")}]), after="a b"),
    )

    assert {"one": ("b",), "two": ("a",)} == structure.sources
    assert {"b": ("one",), "a": ("two",)} == structure.mapped_over


def test_setups_reach_as_far_as_their_teardown() -> None:
    """A setup concerns what lies between it and its teardown, and all below if it has none."""
    structure = dag(
        task("up", is_setup=True),
        task("forever", is_setup=True),
        task("first", after="up forever"),
        task("second", after="first"),
        task("down", after="up second", is_teardown=True),
        task("after", after="second"),
    )

    assert {"second": ("forever", "up"), "after": ("forever",), "first": (), "down": ()} == {
        name: structure.setups_above(structure[name]) for name in ("second", "after", "first", "down")
    }
    assert ("first",) == structure.scope_of(structure["down"])


def test_an_unknown_task_names_the_nearest() -> None:
    """Asking for a task that is not there says which was probably meant."""
    with pytest.raises(UnknownNameError) as caught:
        dag(task("load"), task("mail"))["lod"]

    assert "DAG 'sales': there is no task 'lod'; did you mean 'load'?" == str(caught.value)


def test_a_structure_tells_its_size() -> None:
    """The repr shows counts, not contents."""
    assert "<Structure of 'sales': 4 tasks, 3 mapped, 1 group>" == repr(RICH)
    assert "<Task 'c' (Operator) over rows of a literal of 1, 1 upstream>" == repr(RICH["c"])


@pytest.mark.parametrize(
    ("version", "versions"),
    [
        ("2.10.5", "2.10 and 2.11"),
        ("2.11.2", "2.10 and 2.11"),
        ("2.12.0", "2.10 and 2.11"),
        ("3.0.6", "3.0"),
        ("3.1.8", "3.1"),
        ("3.2.2", "3.2"),
        ("3.3.2", "3.3"),
        ("3.3.17", "3.3"),
        ("3.4.0b2", "3.4"),
        ("3.9.0.dev0", "3.4"),
        ("4.0.0", "3.4"),
        ("", "3.4"),
        ("1.10.15", "2.10 and 2.11"),
    ],
)
def test_each_version_has_its_rules(version: str, versions: str) -> None:
    """A version follows the rules of the newest known that is not newer, each patch and each future one; without any, the newest's."""
    assert versions == behaviour_of(version).versions


def test_versions_that_stand_apart_differ() -> None:
    """No two entries of the table say the same."""
    rules = [
        {name: getattr(b, name) for name in b.__slots__ if name != "versions"} for b in BEHAVIOURS.values()
    ]

    assert all(one != other for at, one in enumerate(rules) for other in rules[:at])
