"""The planner against what `dag.test()` did with 82 DAGs, recorded once per version: no run needed."""

from __future__ import annotations

import ast
import json
from typing import Any

import pytest
from comparison import (
    given_from_observation,
    list_names,
    observed_states,
    plan_for,
    read_observed,
)

from pytest_dynadag.bridge.extract import structure_of
from pytest_dynadag.bridge.home import airflow_version
from pytest_dynadag.graph.expansion import UNKNOWN, Expansion
from pytest_dynadag.graph.sources import Argument, iterate_references
from pytest_dynadag.graph.structure import Structure, Task

OBSERVED = read_observed(airflow_version())
pytestmark = pytest.mark.skipif(not OBSERVED, reason=f"nothing was recorded for Airflow {airflow_version()}")

Planned = tuple[Structure, dict[str, Any], Expansion]


@pytest.fixture(params=[name for name in list_names() if "tasks" in OBSERVED.get(name, {})])
def planned(request: pytest.FixtureRequest, dags: dict[str, Any]) -> Planned:
    """Plan one case from the outputs that were observed."""
    outcome = OBSERVED[request.param]
    structure = structure_of(dags[request.param])
    given = given_from_observation(structure, request.param, outcome)
    return structure, outcome["tasks"], plan_for(structure, given)


def test_every_case_loads_or_is_refused_as_observed(dags: dict[str, Any]) -> None:
    """The DAGs that load are those that Airflow accepted when they were observed."""
    accepted = {name for name, outcome in OBSERVED.items() if "parse_error" not in outcome}

    assert accepted == set(dags)


@pytest.mark.parametrize("name", [name for name, o in OBSERVED.items() if "parse_error" not in o])
def test_a_structure_survives_as_json(name: str, dags: dict[str, Any]) -> None:
    """What is read of a DAG is the same after a trip through JSON."""
    structure = structure_of(dags[name])

    assert structure == Structure.from_dict(json.loads(json.dumps(structure.to_dict())))


def test_states_and_instances_are_those_observed(planned: Planned) -> None:
    """The plan has the instances that the run had, each in the state in which it ended."""
    _, tasks, expansion = planned

    assert observed_states({"tasks": tasks}) == expansion.states


def test_inputs_are_what_tasks_returned(planned: Planned) -> None:
    """Tasks that return their arguments returned what the plan says they get."""
    structure, tasks, expansion = planned
    for task in structure.tasks:
        for instance in expansion[task.task_id] if expansion[task.task_id].mapped else ():
            arguments = known_arguments(task, instance.inputs)
            if arguments is not None and instance.state == "success":
                assert returned(tasks[instance.key]) == expected_return(task, arguments), instance.key


def test_labels_are_those_observed(planned: Planned) -> None:
    """A label is what the run showed, or not known because the task decides it."""
    structure, tasks, expansion = planned
    for task in structure.tasks:
        for instance in expansion[task.task_id] if task.map_index_template else ():
            assert instance.label in (tasks[instance.key]["label"], UNKNOWN)
            if structure.dag_id != "label_set_while_running":
                assert instance.label != UNKNOWN


def known_arguments(task: Task, inputs: Any) -> dict[str, Any] | None:
    """Give the arguments of a task that returns them, as far as the plan knows them all; else None."""
    name = getattr(task.arguments.get("python_callable"), "__name__", "")
    if name not in ("echo", "pair"):
        return None
    by_position = zip(
        ("x",) if name == "echo" else ("a", "b"), task.arguments.get("op_args", ()), strict=False
    )
    written = {**dict(by_position), **task.arguments.get("op_kwargs", {})}
    own = dict(inputs) if task.mapping else {}
    named = {**written, **own}
    arguments = {
        argument: inputs.get(value.name) if isinstance(value, Argument) else value
        for argument, value in named.items()
    }
    return None if any(True for _ in iterate_references(arguments)) else arguments


def expected_return(task: Task, arguments: dict[str, Any]) -> Any:
    """Give what `echo` or `pair` returns for its arguments, without the difference of list and tuple."""
    single = task.arguments["python_callable"].__name__ == "echo"
    value = arguments.get("x") if single else [arguments.get("a"), arguments.get("b")]
    return json.loads(json.dumps(value))


def returned(entry: dict[str, Any]) -> Any:
    """Give what an instance returned, without the difference of list and tuple."""
    value = ast.literal_eval(entry["returns_repr"]) if "returns_repr" in entry else entry.get("returns")
    return json.loads(json.dumps(value))
