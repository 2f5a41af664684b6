"""What differs between two expansions, and how it is said."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_dynadag.graph.diff import Difference, compare, describe
from pytest_dynadag.graph.expansion import Expansion
from pytest_dynadag.graph.given import Given
from pytest_dynadag.graph.planner import plan
from pytest_dynadag.graph.sources import Literal, Output, Product
from pytest_dynadag.graph.structure import Group, Structure, Task

TASKS = (
    Task(task_id="list_regions"),
    Task(task_id="load", upstream=("list_regions",), mapping=Product((("region", Output("list_regions")),))),
    Task(task_id="report", upstream=("load",)),
)


def sales(regions: Any, states: dict[str, str] | None = None, tasks: tuple[Task, ...] = TASKS) -> Expansion:
    """Plan a DAG that maps over *regions*."""
    return plan(Structure("sales", tasks), Given.of({"list_regions": regions}, states))


def literal(**arguments: list[Any]) -> Expansion:
    """Plan a DAG with one task that is mapped over lists written in the file."""
    mapping = Product(tuple((name, Literal(values)) for name, values in arguments.items()))
    return plan(Structure("sales", (Task(task_id="load", mapping=mapping),)))


def test_equal_expansions_do_not_differ() -> None:
    """The difference is false, says nothing, and its JSON form is empty lists."""
    difference = sales(["eu", "us"]).diff(sales(["eu", "us"]))

    assert not difference
    assert Difference(("sales", "sales")) == difference
    assert [] == describe(difference)
    assert "" == str(difference)


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        pytest.param(
            sales(["eu", "us"]),
            sales(["us", "eu"]),
            [
                "order only: the same instances stand in another order",
                "load: order only: [0] to [1], [1] to [0]",
            ],
            id="order only",
        ),
        pytest.param(
            sales(["eu", "us"]),
            sales(["apac", "eu", "us"]),
            [
                "load: 2 instances, then 3",
                "+ load[0] region='apac'",
                "load: 2 items moved: [0] to [1], [1] to [2]",
            ],
            id="an item in front",
        ),
        pytest.param(
            sales(["eu", "us"]),
            sales(["eu"]),
            ["load: 2 instances, then 1", "- load[1] region='us'"],
            id="an item less",
        ),
        pytest.param(
            sales(["eu"]),
            sales([]),
            ["load: 1 instance, then 0", "- load[0] region='eu'"],
            id="nothing left",
        ),
        pytest.param(
            sales(["eu", "us"]),
            sales(["eu", "uk"]),
            ["load[1]: region was 'us', is 'uk'"],
            id="another value",
        ),
        pytest.param(
            sales(["eu", "eu"]),
            sales(["us", "eu"]),
            ["load[0]: region was 'eu', is 'us'"],
            id="equal items",
        ),
        pytest.param(
            literal(region=["eu"]),
            literal(region=["eu"], day=[1]),
            ["load[0]: day was absent, is 1"],
            id="another argument",
        ),
        pytest.param(
            sales(["eu"]),
            plan(Structure("sales", TASKS), strict=False),
            ["load: 1 instance, then ?", "- load[0] region='eu'"],
            id="a length that is not known",
        ),
        pytest.param(
            plan(Structure("sales", (Task(task_id="load"),))),
            literal(region=["eu"]),
            ["load: not mapped, then mapped", "load[0]: region was absent, is 'eu'"],
            id="mapped after all",
        ),
        pytest.param(
            sales(["eu", "us"]),
            sales(
                ["eu", "us"], tasks=(*TASKS[:2], Task(task_id="archive", upstream=("list_regions", "load")))
            ),
            [
                "+ task archive (1 instance)",
                "- task report (1 instance)",
                "+ edge list_regions -> archive (all)",
                "+ edge load -> archive (all)",
                "- edge load -> report (all)",
            ],
            id="tasks and edges",
        ),
        pytest.param(
            Expansion("sales", ()), Expansion("orders", ()), ["DAG 'sales', then 'orders'"], id="another DAG"
        ),
    ],
)
def test_each_kind_of_difference_is_told(before: Expansion, after: Expansion, lines: list[str]) -> None:
    """Items are known by what they are, not by where they stand."""
    assert lines == describe(compare(before, after))


def test_the_way_instances_wait_is_compared() -> None:
    """All-to-all and index-wise dependencies between the same tasks are not the same edges."""
    tasks = (
        Task(task_id="extract", group_id="each"),
        Task(task_id="load", group_id="each", upstream=("extract",)),
    )
    group = Group("each", mapping=Product((("path", Literal(["a", "b"])),)))
    mapping = Product((("path", Literal(["a", "b"])),))
    apart = (
        Task(task_id="extract", mapping=mapping),
        Task(task_id="load", mapping=mapping, upstream=("extract",)),
    )

    difference = plan(Structure("d", tasks, (group,))).diff(plan(Structure("d", apart)))

    assert ["+ edge extract -> load (all)", "- edge extract -> load (index)"] == describe(difference)


def test_states_are_compared_on_request() -> None:
    """Equality does not ask how instances end; who asks is told."""
    before, after = sales(["eu", "us"]), sales(["eu", "us"], {"load[1]": "failed"})

    assert not before.diff(after)
    assert [
        "load[1]: success, then failed",
        "report: success, then upstream_failed",
    ] == describe(before.diff(after, states=True))


def test_long_lists_are_cut_and_counted() -> None:
    """Hundreds of changed instances take ten lines of each kind."""
    before, after = sales(list(range(300))), sales([-number - 1 for number in range(350)])

    lines = describe(before.diff(after))

    assert 1 + 11 + 11 == len(lines)
    assert ["load: 300 instances, then 350", "+ load[300] region=-301"] == lines[:2]
    assert ["... 40 more", "load[0]: region was 0, is -1"] == lines[11:13]
    assert "... 290 more" == lines[-1]


def test_moves_are_cut_and_counted() -> None:
    """A long list in reverse is one line."""
    lines = describe(sales(list(range(40))).diff(sales(list(range(40))[::-1])), most=2)

    assert "load: order only: [0] to [39], [1] to [38], ... 38 more" == lines[1]


def test_order_only_is_told_from_more() -> None:
    """A difference in order alone is marked, one with anything else is not."""
    before = sales(["eu", "us", "apac"])

    assert before.diff(sales(["us", "apac", "eu"])).order_only
    assert not before.diff(sales(["us", "eu", "uk"])).order_only
    assert not before.diff(before).order_only


def test_the_reprs_show_counts() -> None:
    """A difference prints one line, however much differs."""
    difference = sales(["eu", "us"]).diff(sales(["us", "uk", "apac"]))

    assert (
        "<Difference: 0 tasks added, 0 removed, 1 changed, 0 edges added, 0 removed, 0 states changed>"
        == repr(difference)
    )
    assert (
        "<TaskDifference 'load': 2 then 3 instances, 2 added, 1 removed, 1 moved, 0 inputs changed>"
        == repr(difference.tasks[0])
    )


def test_a_difference_has_a_json_form() -> None:
    """Everything that differs stands in plain data; an absent input is told from None."""
    before, after = literal(region=["eu", "us"]), literal(region=["us", None, "uk"], day=[1])

    data = json.loads(json.dumps(before.diff(after).to_dict()))

    absent = {"$absent": True}
    assert {
        "dag_ids": ["sales", "sales"],
        "added": [],
        "removed": [],
        "tasks": [
            {
                "task_id": "load",
                "counts": [2, 3],
                "mapped": [True, True],
                "removed": [],
                "added": [{"key": "load[2]", "inputs": {"region": "uk", "day": 1}}],
                "moved": [],
                "changed": [
                    {"key": "load[0]", "name": "region", "before": "eu", "after": "us"},
                    {"key": "load[0]", "name": "day", "before": absent, "after": 1},
                    {"key": "load[1]", "name": "region", "before": "us", "after": None},
                    {"key": "load[1]", "name": "day", "before": absent, "after": 1},
                ],
            }
        ],
        "edges_added": [],
        "edges_removed": [],
        "states": [],
    } == data


items = st.lists(st.sampled_from(["a", "b", 1, True, None, (1,), [1], {"x": 1}]), max_size=6)


@given(items, items)
def test_nothing_differs_exactly_between_equals(before: list[Any], after: list[Any]) -> None:
    """The difference is empty if and only if `==` holds."""
    one, other = sales(before), sales(after)

    assert (one == other) is not bool(one.diff(other))


@given(items, items)
def test_every_item_is_accounted_for(before: list[Any], after: list[Any]) -> None:
    """What is neither added, removed, moved nor changed stands where it stood."""
    [difference] = sales(before).diff(sales(after)).tasks or (None,)
    if difference is None:
        return

    changed = len({change.key for change in difference.changed})

    stayed = len(before) - len(difference.removed) - len(difference.moved) - changed
    assert stayed == len(after) - len(difference.added) - len(difference.moved) - changed
    assert 0 <= stayed


@given(st.permutations(range(6)))
def test_a_permutation_is_order_only(order: list[int]) -> None:
    """The same items in any other order differ in order and in nothing else."""
    difference = sales(list(range(6))).diff(sales(order))

    assert difference.order_only is (order != list(range(6)))
