"""Branching: which tasks the output of a branch or short circuit skips, which of their instances, and when."""

# Source: SkipMixin (models/skipmixin.py, 2.11.2; providers/standard/utils/skipmixin.py, 3.x), ShortCircuitOperator
# (operators/python.py), NotPreviouslySkippedDep (ti_deps/deps/not_previously_skipped_dep.py). Airflow skips twice: the
# operator itself marks rows at once, and the scheduler looks up the decision when it meets a direct downstream task.
# Which rows either finds differs from version to version; see `Behaviour`.

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pytest_dynadag.errors import GivenError, suggest
from pytest_dynadag.graph.behaviour import Behaviour
from pytest_dynadag.graph.states import Index, Rows
from pytest_dynadag.graph.structure import Structure, Task


def choose_skips(structure: Structure, task: Task, output: Any) -> frozenset[str]:
    """
    Return the ids of the tasks that *task* skips when it ends with *output*.

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
    direct = structure.downstream[task.task_id]
    below = direct if task.skips == "short_circuit_direct" else structure.below(task.task_id)
    return frozenset(name for name in below if not structure[name].is_teardown)


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


class Decisions:
    """What the branches and short circuits of a run have decided so far, by the task they decided about."""

    def __init__(self, structure: Structure, behaviour: Behaviour) -> None:
        self.structure, self.behaviour = structure, behaviour
        self._skipped: dict[str, dict[str, set[Index]]] = {}

    def note(self, decider: Task, index: Index, names: Iterable[str]) -> None:
        """Note that one instance of *decider* has skipped the tasks *names*."""
        direct = self.structure.downstream[decider.task_id]
        for name in names:
            if name in direct or self._is_heard_in_group(decider, self.structure[name]):
                self._skipped.setdefault(name, {}).setdefault(decider.task_id, set()).add(index)

    def _is_heard_in_group(self, decider: Task, task: Task) -> bool:
        """Return whether *task* looks up a *decider* further up: both stand in the same innermost mapped group."""
        own, other = (self.structure.mapped_groups_around(one)[:1] for one in (task, decider))
        return self.behaviour.branch_found_in_groups and bool(own) and own == other

    def concern(self, task: Task) -> bool:
        """Return whether anything was decided about *task*."""
        return task.task_id in self._skipped

    def find(self, task: Task, index: Index, rows: Mapping[str, Rows]) -> bool:
        """Return whether the scheduler finds that a row of *task* is to be skipped."""
        return any(
            rows[decider].seen.total() and self._index_of(self.structure[decider], index) in indexes
            for decider, indexes in self._skipped[task.task_id].items()
        )

    def _index_of(self, decider: Task, index: Index) -> Index:
        """Return the index at which the decision about a row is looked up."""
        in_group = self.behaviour.branch_found_in_groups and self.structure.is_mapped(decider)
        own = self.behaviour.branch_found_by_own_index or decider.mapping is not None or in_group
        return index if own else None

    def marked_by(self, decider: Task, index: Index, rows: Rows) -> Iterable[Index]:
        """Return the rows of a task below that an instance of *decider* marks as skipped itself."""
        every: Sequence[Index] = [None] if rows.count is None else range(rows.count)
        if decider.skips != "branch":
            reached = rows.count is None or self.behaviour.short_circuit_reaches_indexes
            return every if index is None and reached else ()
        reached = index is None or self.behaviour.branch_reaches_indexes
        return [index] if reached and index in every else ()
