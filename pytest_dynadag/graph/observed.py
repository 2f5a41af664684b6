"""The expansion that a run showed: from its task instances to the same graph that a plan gives."""

# Instances, states, labels and inputs are what the run had. Edges follow from the structure and the observed counts
# by the rules of `edges`, which are compared with Airflow's own in tests/conformance.

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_dynadag.findings import Finding
from pytest_dynadag.graph.edges import connect
from pytest_dynadag.graph.expansion import Expansion, TaskExpansion, Unknown
from pytest_dynadag.graph.structure import Structure, Task


@dataclass(frozen=True, slots=True)
class Seen:
    """
    One task instance of a run.

    *index* is Airflow's map index, -1 for one that is not mapped or was never expanded.
    """

    task_id: str
    index: int
    state: str
    label: str | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)


def gather_expansion(
    structure: Structure, instances: Iterable[Seen], findings: Iterable[Finding] = ()
) -> Expansion:
    """
    Put the instances of a run together to an expansion.

    Args:
        structure: The DAG that was run.
        instances: Its task instances, in any order. Tasks without one (a partial run) are left out.
        findings: What was noticed during the run.
    """
    by_task: dict[str, list[Seen]] = {}
    for instance in sorted(instances, key=lambda seen: seen.index):
        by_task.setdefault(instance.task_id, []).append(instance)
    present = [task for task in structure.tasks if task.task_id in by_task]
    tasks = tuple(_gather_task(structure, task, by_task[task.task_id]) for task in present)
    nodes = {task.task_id: task.nodes for task in tasks}
    dependencies = connect(structure, nodes, measure_groups(structure, tasks))
    return Expansion(structure.dag_id, tasks, dependencies, tuple(findings))


def _gather_task(structure: Structure, task: Task, seen: list[Seen]) -> TaskExpansion:
    mapped = structure.is_mapped(task)
    indexed = [instance for instance in seen if instance.index >= 0]
    if mapped and not indexed:
        return TaskExpansion(task.task_id, 0, mapped=True, states=(seen[0].state,))
    chosen = indexed if mapped else seen[:1]
    states = tuple(instance.state for instance in chosen)
    labels: tuple[str | Unknown | None, ...] = tuple(instance.label for instance in chosen)
    return TaskExpansion(
        task_id=task.task_id,
        count=len(chosen),
        mapped=mapped,
        states=states[:1] if len(set(states)) == 1 else states,
        inputs=[instance.inputs for instance in chosen],
        labels=labels if mapped and task.map_index_template is not None else (),
    )


def measure_groups(structure: Structure, tasks: Iterable[TaskExpansion]) -> dict[str, int]:
    """Give the length of each mapped group, as the counts of its plain tasks show it."""
    totals: dict[str, int] = {}
    for expansion in tasks:
        task = structure[expansion.task_id]
        around = structure.mapped_groups_around(task)
        if around and task.mapping is None:
            totals.setdefault(around[0].group_id, expansion.count or 0)
    return {
        group_id: total // (_total_around(structure, group_id, totals) or 1)
        for group_id, total in totals.items()
    }


def _total_around(structure: Structure, group_id: str, totals: Mapping[str, int]) -> int:
    """Give how many instances the next mapped group around a group has; 1 if there is none, or nothing tells."""
    parent = structure.groups_by_id[group_id].parent
    while parent is not None:
        group = structure.groups_by_id[parent]
        if group.mapping:
            return totals.get(parent, 1)
        parent = group.parent
    return 1
