"""Which tasks Airflow 3.0 cannot start: those below a mapped group that has no length by then."""

from __future__ import annotations

from typing import Any

import pytest
from building import dag, over, planned, task

from pytest_dynadag.graph.given import Failed, Skipped
from pytest_dynadag.graph.structure import Group, Structure

GROUP = Group("g", None, over(v="a"))


def reporting(*more: Any, after: str = "g.b", rule: str = "all_done", version: str = "3.0.6") -> Structure:
    """Give a DAG in which `report` stands below a group that is mapped over `a`."""
    return dag(
        GROUP,
        task("a"),
        task("g.b", after="a"),
        *more,
        task("report", after=after, trigger_rule=rule),
        version=version,
    )


@pytest.mark.parametrize(
    ("version", "state"),
    [("2.11.2", "success"), ("3.0.6", "failed"), ("3.1.8", "success"), ("3.3.2", "success")],
)
@pytest.mark.parametrize("end", [Failed(), Skipped()])
def test_only_3_0_needs_a_length(version: str, state: str, end: Any) -> None:
    """A list that was never made leaves none; what is skipped or failed above does not matter to the rule."""
    assert state == planned(reporting(version=version), {"a": end}).states["report"]


@pytest.mark.parametrize("items", [[], [1, 2]])
def test_a_list_is_a_length(items: list[int]) -> None:
    """An empty one as well."""
    assert "success" == planned(reporting(), {"a": items}).states["report"]


def test_what_was_not_given_keeps_nothing_from_starting() -> None:
    """The group has a length then; only here it is not known."""
    assert "success" == planned(reporting(), {}, strict=False).states["report"]


def test_a_task_of_the_group_starts() -> None:
    """The same group around both is asked for no length."""
    structure = reporting(task("g.c", after="g.b"))

    assert "success" == planned(structure, {"a": [1]}).states["g.c[0]"]


@pytest.mark.parametrize(("early", "state"), [("early", "failed"), ("late", "success")])
def test_a_task_that_starts_before_the_list_is_made(early: str, state: str) -> None:
    """The length must be there by the time at which the task starts."""
    structure = dag(
        GROUP,
        task("early"),
        task("wait", after="early"),
        task("a", after="wait"),
        task("late", after="a"),
        task("g.b", after="a"),
        task("report", after=f"{early} g.b", trigger_rule="one_success"),
        version="3.0.6",
    )

    assert state == planned(structure, {"a": [1]}).states["report"]
