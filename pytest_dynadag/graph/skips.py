"""Branching: which tasks the output of a branch or short circuit skips."""

# Source: SkipMixin.skip_all_except and ShortCircuitOperator.execute (standard provider 1.x; models/skipmixin.py
# and operators/python.py in 2.11.2).

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pytest_dynadag.errors import GivenError, suggest
from pytest_dynadag.graph.structure import Structure, Task


def choose_skips(structure: Structure, task: Task, output: Any) -> frozenset[str]:
    """
    Give the ids of the tasks that *task* skips when it ends with *output*.

    Args:
        structure: The DAG as written.
        task: A task whose `skips` is set.
        output: For a branch the ids of tasks or groups to go on with (one, several or None); for a short
            circuit anything, of which only its truth counts.

    Raises:
        GivenError: A branch names a task that the DAG does not have.
    """
    if task.skips == "branch":
        return _skip_all_but(structure, task, _followed(structure, task, output))
    if output:
        return frozenset()
    if task.skips == "short_circuit_direct":
        return frozenset(structure.downstream[task.task_id])
    return frozenset(name for name in structure.below(task.task_id) if not structure[name].is_teardown)


def _skip_all_but(structure: Structure, task: Task, followed: frozenset[str]) -> frozenset[str]:
    kept = followed.union(*(structure.below(name) for name in followed))
    return frozenset(structure.downstream[task.task_id]) - kept


def _followed(structure: Structure, task: Task, output: Any) -> frozenset[str]:
    names = [output] if isinstance(output, str) else list(output) if isinstance(output, Iterable) else []
    found: set[str] = set()
    for name in names:
        if name in structure.groups_by_id:
            found.update(_roots(structure, name))
        elif name in structure.by_id:
            found.add(name)
        else:
            known = [*structure.downstream[task.task_id], *structure.groups_by_id]
            why = f"a branch cannot follow {name!r}; {suggest(str(name), known)}"
            raise GivenError(
                structure.dag_id, task.task_id, why, next_step="give the id of a task downstream"
            )
    return frozenset(found)


def _roots(structure: Structure, group_id: str) -> Iterable[str]:
    inside = {
        task.task_id
        for task in structure.tasks
        if any(group.group_id == group_id for group in structure.groups_around(task))
    }
    return (name for name in inside if not inside.intersection(structure[name].upstream))
