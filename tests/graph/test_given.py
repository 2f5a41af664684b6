"""What a test may give, and what it is told of slips: by a plan as by a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from building import dag, over, task

from pytest_dynadag.errors import ArgumentError, DynadagError
from pytest_dynadag.graph.given import Failed, Given, Skipped
from pytest_dynadag.graph.planner import plan

SALES = dag(
    task("list_regions"),
    task("load", over(region="list_regions")),
    task("report", after="load"),
    version="3.3.2",
)
REGIONS = {"list_regions": ["eu", "us"]}


def refusal(given: Any = None, **further: Any) -> str:
    """Give the message with which a plan of the DAG is refused."""
    with pytest.raises(DynadagError) as refused:
        plan(SALES, Given.of(given, **further))
    return str(refused.value)


@pytest.mark.parametrize("state", ["failed", Failed, Failed("no"), "skipped", Skipped])
def test_a_state_is_given_by_name_or_by_what_stands_for_it(state: Any) -> None:
    """Both say the same of an instance."""
    expected = "skipped" if "kipped" in repr(state) else "failed"

    assert expected == plan(SALES, Given.of(REGIONS, {"load[1]": state})).states["load[1]"]


def test_success_says_nothing_of_the_output() -> None:
    """What is given for the task stays."""
    assert {"list_regions": ["eu"]} == Given.of({"list_regions": ["eu"]}, {"list_regions": "success"}).outputs


STATES = {
    "faild": "states['load']: there is no state 'faild'; did you mean 'failed'?",
    "SKIPPED": "states['load']: there is no state 'SKIPPED'; did you mean 'skipped'?",
    "upstream_failed": "states['load']: there is no state 'upstream_failed'; did you mean 'failed'?",
    "running": "states['load']: there is no state 'running'; known: 'failed', 'skipped', 'success'",
}


@pytest.mark.parametrize("state", STATES)
def test_a_state_that_cannot_be_given(state: str) -> None:
    """It is not passed over: the test would look at another path of the DAG."""
    assert STATES[state] == refusal(REGIONS, states={"load": state})


def test_a_list_of_states_is_none() -> None:
    """One state stands for all instances; for one of them, its index is in the key."""
    assert (
        "states['load'] takes a state, the same for every instance, not a list\n"
        "  next: pass states={'load[0]': 'failed'} for one instance"
    ) == refusal(REGIONS, states={"load": ["failed"]})


def test_a_key_of_states_is_a_name() -> None:
    """Whatever else it is, no task is called that."""
    assert "a key of states takes a task id or an instance key, not 3" == refusal(
        REGIONS, states={3: "failed"}
    )


ARGUMENTS: dict[str, tuple[Mapping[str, Any], str]] = {
    "given": (
        {"given": ["eu"]},
        (
            "given takes a mapping of task ids to outputs, not a list\n"
            "  next: pass given={'list_regions': ['eu', 'us']}"
        ),
    ),
    "states": (
        {"states": "failed"},
        (
            "states takes a mapping of task ids or instance keys to states, not a str\n"
            "  next: pass states={'load[0]': 'failed'}"
        ),
    ),
    "params": (
        {"params": [1]},
        "params takes a mapping of names to values, not a list\n  next: pass params={'day': '2024-05-01'}",
    ),
    "conf": (
        {"conf": 3},
        "conf takes a mapping of names to values, not 3\n  next: pass conf={'day': '2024-05-01'}",
    ),
    "number": ({"given": {3: 3}}, "a key of given takes a task id, or (task id, XCom key), not 3"),
    "three": (
        {"given": {("list_regions", "a", 1): 3}},
        "a key of given takes a task id, or (task id, XCom key), not a tuple",
    ),
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_an_argument_of_another_kind(name: str) -> None:
    """The message names the argument, what it takes, and what was passed: its type, as it may be secret."""
    arguments, expected = ARGUMENTS[name]

    with pytest.raises(ArgumentError) as refused:
        Given.of(**arguments)

    assert expected == str(refused.value)


LISTS = {
    "short": (["x"], "it has 1 entry, and load has 2 instances"),
    "long": (["x", "y", Failed("z")], "it has 3 entries, and load has 2 instances"),
    "empty": ([], "it has 0 entries, and load has 2 instances"),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_with_one_entry_per_index(name: str) -> None:
    """A list of another length is refused: an entry that nobody gets would be passed over."""
    value, why = LISTS[name]

    assert (
        f"given['load'] for DAG 'sales': {why}\n"
        "  next: give one entry per index, or a callable that takes the inputs of an instance"
    ) == refusal({**REGIONS, "load": value})


@pytest.mark.parametrize("argument", ["given", "states"])
def test_an_index_that_no_instance_has(argument: str) -> None:
    """It is refused, however it is given."""
    entry = {"load[2]": Failed("z")} if argument == "given" else {}
    states = {"load[2]": "failed"} if argument == "states" else {}

    assert (
        "given['load[2]'] for DAG 'sales': load has 2 instances, counted from 0\n"
        "  next: write an index up to 'load[1]'"
    ) == refusal({**REGIONS, **entry}, states=states)


def test_where_nothing_is_expanded_any_list_may_stand() -> None:
    """One given for all cases of a test is not refused where the source is empty."""
    assert 0 == plan(SALES, Given.of({"list_regions": [], "load": ["x"]})).counts["load"]


def test_a_function_for_a_task_that_is_not_mapped() -> None:
    """There is nothing that it could take."""
    assert (
        "given['list_regions'] for DAG 'sales': list_regions is not mapped, so there are no inputs for a function "
        "to take\n  next: give the output itself"
    ) == refusal({"list_regions": lambda: ["eu"]})


def test_a_function_that_raises() -> None:
    """The message says for which instance, what it raised, and what it is handed."""
    assert (
        "given['load']: the function raised KeyError: 'nope' for load[0]\n"
        "  next: let it take the inputs of every instance: a dict with region"
    ) == refusal({**REGIONS, "load": lambda inputs: inputs["nope"]})
