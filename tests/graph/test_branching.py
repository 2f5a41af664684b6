"""Branches and short circuits: what they skip, in every version."""

from __future__ import annotations

from typing import Any

import pytest
from building import dag, over, planned, task

from pytest_dynadag.graph.given import Failed
from pytest_dynadag.graph.sources import Argument
from pytest_dynadag.graph.structure import Group

CHOICE = (
    task("choose", skips="branch"),
    task("load", after="choose"),
    task("mail", after="choose"),
    task("join", after="load mail", trigger_rule="none_failed_min_one_success"),
)


@pytest.mark.parametrize(
    ("choice", "skipped"),
    [
        ("load", {"mail"}),
        (["load", "mail"], set()),
        (None, {"load", "mail", "join"}),
        ([], {"load", "mail", "join"}),
    ],
)
def test_a_branch_skips_what_it_does_not_follow(choice: Any, skipped: set[str]) -> None:
    """The tasks directly below a branch that it does not name are skipped."""
    states = planned(dag(*CHOICE), {"choose": choice}).states

    assert skipped == {key for key, state in states.items() if state == "skipped"}


def test_a_branch_does_not_skip_what_its_choice_leads_to() -> None:
    """A join directly below the branch runs if the task that was chosen leads to it."""
    parts = (
        task("choose", skips="branch"),
        task("load", after="choose"),
        task("join", after="choose load", trigger_rule="none_failed"),
    )

    assert "success" == planned(dag(*parts), {"choose": "load"}).states["join"]


def test_a_branch_may_name_a_group() -> None:
    """Naming a group goes on with its first tasks."""
    parts = (
        Group("g"),
        task("choose", skips="branch"),
        task("g.a", after="choose"),
        task("g.b", after="g.a"),
        task("mail", after="choose"),
    )

    assert {"choose": "success", "g.a": "success", "g.b": "success", "mail": "skipped"} == (
        planned(dag(*parts), {"choose": "g"}).states
    )


def test_a_short_circuit_skips_everything_below() -> None:
    """A false value skips all tasks below, whatever their rule, but for teardowns; a true one nothing."""
    parts = (
        task("ready", skips="short_circuit"),
        task("load", after="ready"),
        task("report", after="load", trigger_rule="all_done"),
        task("down", after="load", is_teardown=True, trigger_rule="all_done"),
    )

    assert ["success", "skipped", "skipped", "success"] == [
        planned(dag(*parts), {"ready": False}).states[name] for name in ("ready", "load", "report", "down")
    ]
    assert {"success"} == set(planned(dag(*parts), {"ready": 1}).states.values())


def test_a_polite_short_circuit_skips_the_next_tasks_alone() -> None:
    """With ignore_downstream_trigger_rules=False, tasks further below follow their own rule."""
    parts = (
        task("ready", skips="short_circuit_direct"),
        task("load", after="ready"),
        task("report", after="load", trigger_rule="all_done"),
    )

    assert ("skipped", "success") == tuple(
        planned(dag(*parts), {"ready": 0}).states[name] for name in ("load", "report")
    )


@pytest.mark.parametrize(
    ("version", "state"),
    [("2.11.2", "success"), ("3.1.8", "success"), ("3.2.2", "skipped"), ("3.4.0", "skipped")],
)
def test_instances_of_a_literal_are_skipped_from_3_2_on(version: str, state: str) -> None:
    """Before 3.2 a branch cannot skip what is expanded when the run is created; the plan says so."""
    parts = (
        task("choose", skips="branch"),
        task("load", over(x=[1, 2]), after="choose"),
        task("mail", after="choose"),
    )

    expansion = planned(dag(*parts, version=version), {"choose": "mail"})

    assert state == expansion["load"].state
    assert (["DYN305"] if state == "success" else []) == [finding.rule for finding in expansion.findings]


@pytest.mark.parametrize("version", ["2.11.2", "3.3.2"])
def test_what_a_branch_skips_is_never_expanded(version: str) -> None:
    """Over an output, a task that was not chosen keeps its one placeholder."""
    parts = (
        task("choose", skips="branch"),
        task("list_regions"),
        task("load", over(x="list_regions"), after="choose"),
        task("mail", after="choose"),
    )

    expansion = planned(dag(*parts, version=version), {"choose": "mail", "list_regions": [1, 2]})

    assert (0, "skipped") == (expansion["load"].count, expansion["load"].state)
    assert "never expanded: a branch did not choose it (trigger rule all_success)" == expansion["load"].reason


@pytest.mark.parametrize(
    ("version", "even"),
    [
        ("2.11.2", "skipped"),
        ("3.1.8", "skipped"),
        ("3.2.2", "success"),
        ("3.3.2", "success"),
        ("3.4.0", "skipped"),
    ],
)
def test_a_branch_in_a_mapped_group_skips_nothing_in_3_2_and_3_3(version: str, even: str) -> None:
    """Inside a mapped group each index chose for itself; 3.2 and 3.3 do not find the choice."""
    parts = (
        Group("g", None, over(v=[1, 2])),
        task("g.choose", skips="branch", arguments={"v": Argument("g", "v")}),
        task("g.odd", after="g.choose"),
        task("g.even", after="g.choose"),
    )

    expansion = planned(dag(*parts, version=version), {"g.choose": ["g.odd", "g.even"]})

    assert ["success", even, even, "success"] == [
        expansion.states[key] for key in ("g.odd[0]", "g.odd[1]", "g.even[0]", "g.even[1]")
    ]


@pytest.mark.parametrize(
    ("version", "state"), [("2.11.2", "success"), ("3.3.2", "success"), ("3.4.0", "skipped")]
)
def test_a_short_circuit_in_a_mapped_group_is_heard_further_down(version: str, state: str) -> None:
    """From 3.4 on it skips everything below it in its group, at its own index, whatever the trigger rule."""
    parts = (
        Group("g", None, over(v=[1, 2])),
        task("g.check", skips="short_circuit", arguments={"v": Argument("g", "v")}),
        task("g.load", after="g.check"),
        task("g.tell", after="g.load", trigger_rule="all_done"),
    )

    expansion = planned(dag(*parts, version=version), {"g.check": [False, True]})

    assert [state, "success"] == [expansion.states[key] for key in ("g.tell[0]", "g.tell[1]")]


@pytest.mark.parametrize(
    ("version", "state"), [("2.11.2", "success"), ("3.3.2", "success"), ("3.4.0", "success")]
)
def test_a_short_circuit_in_a_mapped_group_is_not_heard_further_down_outside(
    version: str, state: str
) -> None:
    """What stands below the group follows its own trigger rule."""
    parts = (
        Group("g", None, over(v=[1, 2])),
        task("g.check", skips="short_circuit", arguments={"v": Argument("g", "v")}),
        task("g.load", after="g.check"),
        task("tell", after="g.load", trigger_rule="all_done"),
    )

    expansion = planned(dag(*parts, version=version), {"g.check": [False, False]})

    assert state == expansion.states["tell"]


@pytest.mark.parametrize(
    ("version", "state"), [("2.11.2", "skipped"), ("3.3.2", "success"), ("3.4.0", "skipped")]
)
def test_a_short_circuit_ends_expanded_instances_further_down(version: str, state: str) -> None:
    """What is mapped over a literal is expanded when the run is created; 3.0 to 3.3 do not reach it there."""
    parts = (
        task("check", skips="short_circuit"),
        task("load", after="check"),
        task("tell", over(x=[1, 2]), after="load", trigger_rule="all_done"),
    )

    expansion = planned(dag(*parts, version=version), {"check": False})

    assert [state, state] == [expansion.states[key] for key in ("tell[0]", "tell[1]")]


def test_a_mapped_branch_skips_no_plain_task() -> None:
    """The indexes of a mapped branch decide about indexes only."""
    parts = (
        task("choose", over(x=[0, 1]), skips="branch"),
        task("load", after="choose"),
        task("mail", after="choose"),
    )

    assert "success" == planned(dag(*parts), {"choose": ["load", "load"]}).states["mail"]


@pytest.mark.parametrize(("version", "count"), [("2.11.2", 1), ("3.3.2", 0)])
def test_a_branch_that_skips_leaves_no_output_in_airflow_3(version: str, count: int) -> None:
    """Mapping over what a branch returned works only where nothing was skipped, or in Airflow 2."""
    parts = (
        task("choose", skips="branch"),
        task("load", after="choose"),
        task("mail", after="choose"),
        task("follow", over(x="choose")),
    )

    expansion = planned(dag(*parts, version=version), {"choose": ["load", "follow"]})

    assert count == (1 if expansion["follow"].count else 0)


def test_a_mark_replaces_what_was_seen_before() -> None:
    """A task that failed above it, and that a branch then skips, is skipped; a task mapped over it saw the failure."""
    parts = (
        task("check"),
        task("choose", after="check", trigger_rule="all_done", skips="branch"),
        task("load", over(x=[]), after="check choose"),
        task("mail", after="choose"),
        task("plot", over(x="load")),
    )

    states = planned(dag(*parts), {"choose": "mail"}, {"check": "failed"}).states

    assert ("skipped", "upstream_failed") == (states["load"], states["plot"])


def test_a_task_that_its_rule_skips_blames_no_branch() -> None:
    """Where no branch is above it, the reason names what the rule met."""
    structure = dag(task("a"), task("load", over(x="a"), trigger_rule="all_skipped"))

    expansion = planned(structure, {"a": [1]})

    assert "never expanded: a is success (trigger rule all_skipped)" == expansion["load"].reason


def test_what_a_short_circuit_marks_before_a_rule_is_met_is_not_disputed() -> None:
    """The row is skipped when the scheduler looks at it; only before was it told to depend on memory addresses."""
    circuit = task("circuit", skips="short_circuit")
    structure = dag(circuit, task("fails"), task("load", over(x="fails"), after="circuit"))

    expansion = planned(structure, {"circuit": False, "fails": Failed()})

    assert ("skipped", ()) == (expansion["load"].state, expansion.findings)
