"""Branching: which tasks the output of a branch or short circuit skips, which of their instances, and when."""

# Source: SkipMixin (models/skipmixin.py, 2.11.2; providers/standard/utils/skipmixin.py, 3.x), ShortCircuitOperator
# (operators/python.py), NotPreviouslySkippedDep (ti_deps/deps/not_previously_skipped_dep.py). Airflow skips twice: the
# operator itself marks rows at once, and the scheduler looks up the decision when it meets a direct downstream task.
# Which rows either finds differs from version to version; see `Behaviour`.

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pytest_dynadag.errors import GivenError, suggest
from pytest_dynadag.graph.behaviour import Behaviour
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


Index = int | None
"""The map index of a row; None for a row without one."""


@dataclass(slots=True)
class Decisions:
    """What one branch or short circuit decided about one task below it: the wave of the decision, by its own index."""

    decider: Task
    is_direct: bool
    waves: dict[Index, int] = field(default_factory=dict)


@dataclass(slots=True)
class Skips:
    """Every decision of the branches and short circuits so far, by the task they decided about."""

    structure: Structure
    behaviour: Behaviour
    decisions: dict[str, list[Decisions]] = field(default_factory=dict)

    def note(self, decider: Task, index: Index, output: Any, wave: int) -> bool:
        """
        Note what one instance of a branch or short circuit decided when it ended in *wave* with *output*.

        Returns:
            Whether it skips anything.
        """
        direct = self.structure.downstream[decider.task_id]
        skipped = choose_skips(self.structure, decider, output)
        for name in skipped:
            about = self.decisions.setdefault(name, [])
            if not about or about[-1].decider is not decider:
                about.append(Decisions(decider, name in direct))
            about[-1].waves[index] = wave
        return bool(skipped)

    def concern(self, task: Task) -> bool:
        """Tell whether anything was decided about *task*."""
        return task.task_id in self.decisions

    def marked(self, task: Task, index: Index) -> int | None:
        """Give the wave in which the operator itself marks a row as skipped; None if it does not."""
        waves = (self._mark(decision, index) for decision in self.decisions.get(task.task_id, ()))
        return min((wave for wave in waves if wave is not None), default=None)

    def _mark(self, decision: Decisions, index: Index) -> int | None:
        if decision.decider.skips != "branch":
            reached = index is None or self.behaviour.short_circuit_reaches_indexes
            return decision.waves.get(None) if reached else None
        return decision.waves.get(index) if index is None or self.behaviour.branch_reaches_indexes else None

    def looked_up(self, task: Task, index: Index) -> int | None:
        """Give the pass in which the scheduler finds that a row is to be skipped; None if it does not."""
        waves = (self._look_up(decision, task, index) for decision in self.decisions.get(task.task_id, ()))
        return min((wave + 1 for wave in waves if wave is not None), default=None)

    def _look_up(self, decision: Decisions, task: Task, index: Index) -> int | None:
        if not decision.is_direct and not self._is_heard_by_its_group(decision.decider, task):
            return None
        decider = decision.decider
        own_index = (
            self.behaviour.branch_found_by_own_index
            or decider.mapping is not None
            or (self.behaviour.branch_found_in_groups and self.structure.is_mapped(decider))
        )
        return decision.waves.get(index if own_index else None)

    def _is_heard_by_its_group(self, decider: Task, task: Task) -> bool:
        """Tell whether *task* hears *decider* from further up: both stand in the same innermost mapped group."""
        own, other = (self.structure.mapped_groups_around(one)[:1] for one in (task, decider))
        return self.behaviour.branch_found_in_groups and bool(own) and own == other
