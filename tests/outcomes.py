"""What a run did, as far as two engines must agree on it."""

from __future__ import annotations

from typing import Any

from pytest_dynadag.errors import DynadagError
from pytest_dynadag.graph.given import Given
from pytest_dynadag.run.request import RunRequest

MAX_MAP_LENGTH = 5
"""Some conformance DAGs are made to reach it."""


def outcome(run: Any, dag: Any, siblings: list[Any]) -> dict[str, Any]:
    """Run a DAG and gather all that must be equal; an error that the run itself ends with, as its text."""
    calls = (dag.user_defined_macros or {}).get("calls", [])
    calls.clear()
    request = RunRequest(given=Given.of({}, {}, max_map_length=MAX_MAP_LENGTH), siblings=siblings)
    try:
        seen = run(dag, request)
    except DynadagError as error:
        return {"error": str(error)}
    return {
        "state": seen.state,
        "states": seen.states,
        "xcoms": {key: plain(value) for key, value in seen.xcoms.items() if key[2] not in _LINKS},
        "labels": seen.labels,
        "inputs": {key: plain(value) for key, value in seen.inputs.items()},
        "errors": {key: error.type for key, error in seen.errors.items()},
        "tries": {instance.key: instance.try_number for instance in seen.instances},
        "calls": sorted(calls, key=str),
    }


_LINKS = ("trigger_run_id", "trigger_logical_date_iso", "_link_TriggerDagRunLink")
"""XComs that name a run, which has the time in it."""


def plain(value: Any) -> str:
    """Write a value so that objects of classes which were loaded twice are equal."""
    return repr(value)
