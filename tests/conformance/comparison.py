"""How a plan is held against Airflow: what was observed earlier, what a run does now, and Airflow's own edges."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pytest_dynadag.bridge.labels import make_labeller
from pytest_dynadag.bridge.loading import bridge
from pytest_dynadag.bridge.patching import replaced
from pytest_dynadag.graph.expansion import UNKNOWN, Expansion
from pytest_dynadag.graph.given import Failed, Given, Skipped, format_key, parse_key
from pytest_dynadag.graph.planner import plan
from pytest_dynadag.graph.structure import Structure
from pytest_dynadag.run.engines import execution
from pytest_dynadag.run.runner import Run, run_dag

HERE = Path(__file__).parent
MAX_MAP_LENGTH = 5

CHOICES = {"branch_skips_mapped": {"br": "other"}}
"""What branches chose, where Airflow 3 keeps no output of them (they skip by an exception)."""


def read_observed(version: str) -> dict[str, dict[str, Any]]:
    """Read what `dag.test()` of an Airflow version did, by the DAG's name; empty for a version never observed."""
    file = HERE / f"observed-{version}.json"
    return json.loads(file.read_text())["dags"] if file.exists() else {}


def list_names() -> list[str]:
    """List the names of all cases."""
    return list(read_observed("3.3.2"))


def observed_states(outcome: dict[str, Any]) -> dict[str, str]:
    """Give the state of every observed instance, by its key."""
    return {key.replace("[-1]", ""): entry["state"] for key, entry in outcome["tasks"].items()}


def observed_output(entry: dict[str, Any]) -> Any:
    """Give what an observed instance ended with, in the words of the given."""
    if entry["state"] in ("failed", "skipped"):
        return Failed(entry.get("error", "")) if entry["state"] == "failed" else Skipped()
    return ast.literal_eval(entry["returns_repr"]) if "returns_repr" in entry else entry.get("returns")


def given_from_observation(structure: Structure, name: str, outcome: dict[str, Any]) -> dict[str, Any]:
    """Give every output and end that was observed, for the planner."""
    outputs = {}
    for key, entry in outcome["tasks"].items():
        plain = key.replace("[-1]", "")
        if plain != key and structure.is_mapped(structure[plain]):
            continue  # never expanded: that is for the planner to find
        outputs[plain] = observed_output(entry)
    return {**outputs, **CHOICES.get(name, {})}


def given_from_run(structure: Structure, run: Run) -> dict[str, Any]:
    """Give every output and end that a run had, for the planner."""
    outputs: dict[str, Any] = {}
    for key, state in run.states.items():
        task_id, index = parse_key(key)
        task = structure[task_id]
        if index is None and structure.is_mapped(task):
            continue
        if state in ("failed", "skipped"):
            outputs[key] = Failed() if state == "failed" else Skipped()
        elif key in run.xcoms or not task.skips:
            outputs[key] = run.xcoms.get(key)
        else:
            outputs[key] = followed(run, task_id, index) if task.skips == "branch" else False
    return outputs


def followed(run: Run, task_id: str, index: int | None) -> Any:
    """Give what a branch chose, where it kept no output."""
    key = (task_id, -1 if index is None else index, "skipmixin_key")
    return run.observation.xcoms.get(key, {}).get("followed")


def plan_for(
    structure: Structure,
    given: Mapping[str, Any],
    *,
    states: Mapping[str, str] | None = None,
    strict: bool = True,
) -> Expansion:
    """Plan as the cases were observed: with short outputs, and labels."""
    known = Given.of(given, states, max_map_length=MAX_MAP_LENGTH)
    return plan(structure, known, strict=strict, label=make_labeller())


def differences(planned: Expansion, run: Run) -> dict[str, tuple[Any, Any]]:
    """Give all in which the instances of a run differ from the plan: (run, plan) by key; edges are compared apart."""
    found: dict[str, tuple[Any, Any]] = {}
    states, others = run.states, planned.states
    for key in sorted({*states, *others}):
        if states.get(key) != others.get(key):
            found[key] = (states.get(key), others.get(key))
    if found:
        return found
    for task in run.expansion.tasks:
        for instance in task if task.mapped else ():
            twin = planned[instance.key]
            got = {
                name: twin.inputs.get(name) for name in instance.inputs
            }  # of nested groups, a run tells the inner
            if plainly(instance.inputs) != plainly(got):
                found[f"inputs of {instance.key}"] = (instance.inputs, twin.inputs)
            if is_labelled(instance) and UNKNOWN is not twin.label and instance.label != twin.label:
                found[f"label of {instance.key}"] = (instance.label, twin.label)
    return found


def is_labelled(instance: Any) -> bool:
    """Tell whether an instance of a run came as far as its label."""
    return instance.state in ("success", "failed") and instance.label is not None


def plainly(value: Any) -> str:
    """Write inputs so that Airflow's placeholder for a missing item, of whatever version, is the same."""
    placeholder = r"<airflow\S* object at 0x\w+>|NOTSET|<object ArgNotSet>"
    return re.sub(placeholder, "NOTSET", repr({name: value[name] for name in value}))


# -- Airflow's own edges ----------------------------------------------------------------------------


def run_and_ask(dag: Any, **options: Any) -> tuple[Run, set[tuple[str, str]]]:
    """Run a DAG with Airflow's own scheduler, and ask it for the edges between the instances while their rows are there."""
    edges: set[tuple[str, str]] = set()
    observe = execution.observe

    def ask(*args: Any) -> Any:
        edges.update(airflow_edges(dag))
        return observe(*args)

    with replaced(execution, "observe", ask):
        # On Airflow 3, the scheduler of `direct` is that of plans.
        options.setdefault("engine", "direct" if bridge().family == "2" else "airflow")
        return run_dag(dag, max_map_length=MAX_MAP_LENGTH, **options), edges


def airflow_edges(dag: Any) -> set[tuple[str, str]]:
    """Ask Airflow which instances each instance waits for: its own rule, its own rows."""
    from airflow import settings
    from airflow.models.taskinstance import TaskInstance
    from sqlalchemy import select

    session = settings.Session()
    every = session.scalars(select(TaskInstance).where(TaskInstance.dag_id == dag.dag_id))
    rows = [row for row in every if row.state != "removed"]  # what is left of a placeholder is no instance
    scheduled = scheduled_dag(dag)
    indexes: dict[str, list[int]] = {}
    for row in rows:
        indexes.setdefault(row.task_id, []).append(row.map_index)
    edges = set()
    for row in rows:
        row.task = task = scheduled.get_task(row.task_id)
        for upstream_id in task.upstream_task_ids:
            count = len(indexes[row.task_id]) if row.map_index >= 0 else None
            relevant = row.get_relevant_upstream_map_indexes(
                scheduled.get_task(upstream_id), count, session=session
            )
            key = format_key(row.task_id, row.map_index)
            edges |= {
                (format_key(upstream_id, index), key)
                for index in indexes[upstream_id]
                if index < 0 or is_relevant(index, relevant)
            }
    return edges


def is_relevant(index: int, relevant: Any) -> bool:
    """Read Airflow's answer: an index, a range, or None for all."""
    return relevant is None or index == relevant or (isinstance(relevant, range) and index in relevant)


def scheduled_dag(dag: Any) -> Any:
    """Give the DAG as the scheduler has it."""
    try:
        from airflow.serialization.serialized_objects import DagSerialization as Serialized
    except ImportError:
        from airflow.serialization.serialized_objects import SerializedDAG as Serialized
    return Serialized.from_dict(Serialized.to_dict(dag))


# -- one order --------------------------------------------------------------------------------------

_ORDER = ["TriggerRuleDep", "NotPreviouslySkippedDep", "MappedTaskUpstreamDep"]


class _InOrder(set):  # type: ignore[type-arg]
    """A set of dependencies whose union has an order."""

    def __or__(self, other: Any) -> Any:
        return sorted({*self, *other}, key=lambda dep: _rank(type(dep).__name__))


def _rank(name: str) -> int:
    return _ORDER.index(name) if name in _ORDER else -1


@contextmanager
def dependencies_in_order() -> Iterator[None]:
    """
    Let Airflow go through an instance's dependencies in one order.

    It iterates a set of objects whose hashes are memory addresses, and where two of them set a state in one pass the
    last one wins: the same DAG ends differently in different processes. The planner knows one of the orders.
    """
    from airflow.models.taskinstance import TaskInstance

    original = TaskInstance.get_failed_dep_statuses

    def in_order(self: Any, dep_context: Any = None, session: Any = None) -> Any:
        if dep_context is not None:
            dep_context.deps = _InOrder(dep_context.deps)
        return original(self, dep_context=dep_context, session=session)

    TaskInstance.get_failed_dep_statuses = in_order
    try:
        yield
    finally:
        TaskInstance.get_failed_dep_statuses = original
