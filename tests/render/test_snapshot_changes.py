from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_dynadag.graph.expansion import Expansion, TaskExpansion
from pytest_dynadag.graph.given import Given
from pytest_dynadag.graph.planner import plan
from pytest_dynadag.graph.sources import Literal, Output, Product
from pytest_dynadag.graph.structure import Group, Structure, Task
from pytest_dynadag.render.changes import describe_changes, split_tokens
from pytest_dynadag.render.snapshot import write_snapshot

TASKS = (
    Task(task_id="list_regions"),
    Task(task_id="load", upstream=("list_regions",), mapping=Product((("region", Output("list_regions")),))),
    Task(task_id="report", upstream=("load",)),
)


@dataclass(frozen=True)
class Run:
    """As much of a run as a snapshot needs."""

    state: str
    expansion: Expansion
    secrets: frozenset[str] = frozenset()


def sales(*regions: Any, tasks: tuple[Task, ...] = TASKS) -> Expansion:
    """Plan a DAG that maps over *regions*."""
    return plan(Structure("sales", tasks), Given.of({"list_regions": list(regions)}))


def expand(*inputs: dict[str, Any], states: tuple[str, ...] = ("success",), labels: Any = ()) -> Expansion:
    """Give an expansion of one mapped task."""
    return Expansion("d", (TaskExpansion("load", len(inputs), True, states, list(inputs), labels),))


def numbers(*values: int) -> Expansion:
    """Give an expansion with one instance per number."""
    return expand(*({"n": n} for n in values))


CHANGES = {
    "an instance more": (
        sales("eu", "us"),
        sales("eu", "us", "apac"),
        ["load: 2 instances, then 3", '+ load[2] region="apac"'],
    ),
    "an instance less": (
        sales("eu", "us"),
        sales("us"),
        ["load: 2 instances, then 1", '- load[0] region="eu"', "load: 1 item moved: [1] to [0]"],
    ),
    "order only": (
        sales("eu", "us"),
        sales("us", "eu"),
        [
            "order only: the same instances stand in another order",
            "load: order only: [0] to [1], [1] to [0]",
        ],
    ),
    "an input": (
        expand({"a": "x y", "b": [1, "]"]}),
        expand({"a": "x y", "b": [2, "]"]}),
        ['load[0]: b was [1, "]"], is [2, "]"]'],
    ),
    "a label": (
        expand({"a": 1}, labels=("one",)),
        expand({"a": 1}, labels=("two",)),
        ['load[0]: label was "one", is "two"'],
    ),
    "a task": (
        sales("eu"),
        sales("eu", tasks=(*TASKS, Task(task_id="mail", upstream=("report",)))),
        ["+ task mail (1 instance)", "+ edge report -> mail (all)"],
    ),
    "an edge": (
        sales("eu"),
        sales("eu", tasks=(*TASKS[:2], replace(TASKS[2], upstream=("list_regions", "load")))),
        ["+ edge list_regions -> report (all)"],
    ),
    "no longer expanded": (
        sales("eu"),
        sales(),
        [
            "load: 1 instance, then 0",
            '- load[0] region="eu"',
            "report: success, then skipped",
        ],
    ),
    "states of a run": (
        Run("success", expand({"a": 1}, {"a": 2})),
        Run("failed", expand({"a": 1}, {"a": 2}, states=("success", "failed"))),
        ["run: success, then run: failed", "load[1]: success, then failed"],
    ),
    "among folded instances": (
        numbers(*range(40)),
        numbers(*range(20), 99, *range(21, 40)),
        ["load: instances changed; most are folded in the snapshot"],
    ),
    "at the end of folded instances": (
        numbers(*range(40)),
        numbers(*range(39), 99),
        ["load: instances changed; most are folded in the snapshot", "- load n=39 #39", "+ load n=99 #39"],
    ),
    "more folded instances": (
        numbers(*range(20)),
        numbers(*range(21)),
        ["load: was 20 mapped, is 21 mapped", "- load n=19 #19", "+ load n=20 #20"],
    ),
    "states of folded instances": (
        Run("success", numbers(*range(40))),
        Run("success", expand(*({"n": n} for n in range(40)), states=(*["success"] * 39, "skipped"))),
        ["load: was 40 mapped, success, is 40 mapped, 1 skipped, 39 success"],
    ),
    "a structure": (
        Structure("d", (Task(task_id="a"), Task(task_id="b", upstream=("a",)), Task(task_id="c"))),
        Structure(
            "d",
            (
                Task(task_id="a", operator="@task", retries=2),
                Task(task_id="b", trigger_rule="all_done", group_id="g"),
                Task(task_id="e"),
            ),
            (Group("g", mapping=Product((("x", Literal([1, 2])),))),),
            settings={"timetable": "CronTriggerTimetable 0 0 * * *"},
        ),
        [
            'schedule was none, is "0 0 * * *"',
            "+ group g: over x=[1, 2]",
            "+ task e: Operator",
            "- task c: Operator",
            "a was Operator, is @task",
            "a: retries was absent, is 2",
            "b: group was absent, is g",
            "b: trigger_rule was absent, is all_done",
            "- edge a -> b",
        ],
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_said_in_words(name: str) -> None:
    """What was added, removed, moved and changed is told from the texts of the snapshots alone."""
    before, after, lines = CHANGES[name]

    assert lines == describe_changes(write_snapshot(before), write_snapshot(after))


def test_another_dag() -> None:
    """A snapshot that was taken of another DAG says so."""
    one, other = (write_snapshot(Expansion(dag_id, ())) for dag_id in ("sales", "sails"))

    assert ["dag: sales, then dag: sails"] == describe_changes(one, other)


@pytest.mark.parametrize("name", CHANGES)
def test_nothing_changed(name: str) -> None:
    """A snapshot does not differ from itself."""
    for subject in CHANGES[name][:2]:
        assert [] == describe_changes(write_snapshot(subject), write_snapshot(subject))


def test_another_given() -> None:
    """A given that changed without a change of the plan is told by its digest."""
    one, other = (write_snapshot(sales("eu"), given=digest) for digest in ("0f1e2d", "3c4b5a"))

    assert ["given: 0f1e2d, then given: 3c4b5a"] == describe_changes(one, other)
    assert ["+ given: 3c4b5a"] == describe_changes(write_snapshot(sales("eu")), other)


def test_long_lists_are_cut() -> None:
    """At most ten lines of one kind are shown, the rest is counted."""
    lines = describe_changes(write_snapshot(numbers()), write_snapshot(numbers(*range(20))))

    assert ["load: 0 instances, then 20", "+ load[0] n=0"] == lines[:2]
    assert ["+ load[9] n=9", "... 10 more"] == lines[-2:]


@pytest.mark.parametrize(
    "text", ["", "hello\n", "a\nb\nc\n\n[tasks]\n??: =\n", "a\nb\nplan\n\n[tasks]\nload: x mapped\n"]
)
def test_what_cannot_be_read_is_shown_as_lines(text: str) -> None:
    """A file that is no snapshot, or one of another version, is compared line by line."""
    snapshot = write_snapshot(sales("eu"))

    lines = describe_changes(text, snapshot)

    assert "+ dag: sales" in lines
    assert [f"- {line}" for line in text.splitlines()[:1]] == [li for li in lines if li.startswith("- ")][:1]


def test_tokens_are_split_outside_quotes_and_brackets() -> None:
    """A space inside a value does not end it."""
    assert ['"a \\" b"', "x=[1, 2]", '"y z"={"k": "] "}', "#0"] == split_tokens(
        '"a \\" b" x=[1, 2] "y z"={"k": "] "} #0'
    )


_VALUES = st.text(max_size=4) | st.integers() | st.lists(st.text(max_size=2), max_size=3)
_INPUTS = st.lists(st.dictionaries(st.text(max_size=3), _VALUES, max_size=3), max_size=23)


@given(_INPUTS, _INPUTS)
def test_every_change_is_said(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> None:
    """Nothing is said if and only if the snapshots are the same."""
    one, other = write_snapshot(expand(*before)), write_snapshot(expand(*after))

    assert (one != other) == bool(describe_changes(one, other))
