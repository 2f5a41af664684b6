"""Inputs: what `expand` gives each instance, or what keeps the worker from giving it."""

# An instance gets the arguments of its own mapping, and those of every mapped group around it: each mapping is resolved
# once, and its rows are shared by all tasks of a group.

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pytest_dynadag.graph.behaviour import Behaviour
from pytest_dynadag.graph.sources import MappingForm
from pytest_dynadag.graph.states import FAILED, SKIPPED
from pytest_dynadag.graph.structure import Structure, Task
from pytest_dynadag.graph.values import (
    IndexFailed,
    IndexSkipped,
    Lookup,
    Table,
    find_dict_by_position,
    tabulate,
)


class Row(NamedTuple):
    """The *arguments* of one index, and the state in which it ends if they cannot be had (*obstacle*)."""

    arguments: Mapping[str, Any]
    obstacle: str | None = None


@dataclass(slots=True)
class Inputs:
    """
    Gives the inputs of one task after another, upstream tasks first.

    *look_up* gives the outputs that mappings refer to. *by_position* is filled on the way: mapped tasks and groups that
    apply `.map()` or `.zip()` to a dict, to the method.
    """

    structure: Structure
    behaviour: Behaviour
    look_up: Lookup
    by_position: dict[str, str] = field(default_factory=dict)
    _rows: dict[str, list[Row]] = field(default_factory=dict)

    def give(self, task: Task, count: int | None) -> Sequence[Row]:
        """Give a row for each of the *count* instances of *task*; one without arguments if it is not mapped."""
        if count is None:
            return [Row({})]
        parts = [
            self._forgive(self._resolve(owner, mapping, count), needed=self._needs(task, owner))
            for owner, mapping in self.structure.mappings_of(task)
        ]
        return parts[0] if len(parts) == 1 else [_merge(rows) for rows in zip(*parts, strict=True)]

    def _needs(self, task: Task, owner: str) -> bool:
        """Tell whether the worker asks for what *owner* gives: a task of a group need not use the group's arguments."""
        return owner == task.task_id or task.uses_argument(owner)

    def _forgive(self, rows: list[Row], *, needed: bool) -> list[Row]:
        if needed or not any(row.obstacle for row in rows):
            return rows
        return [Row(row.arguments) for row in rows]

    def _resolve(self, owner: str, mapping: MappingForm, count: int) -> list[Row]:
        """Give the rows of one mapping, as many as the task has instances: nested groups go on past its length."""
        rows = self._rows.setdefault(owner, [])
        if len(rows) < count:
            table = tabulate(mapping, self.look_up, concat_counts_whole=self.behaviour.concat_counts_whole)
            rows.extend(_take(table, index) for index in range(len(rows), count))
            methods = (find_dict_by_position(source, self.look_up) for source in mapping.sources)
            if method := next(filter(None, methods), None):
                self.by_position[owner] = method
        return rows[:count] if len(rows) > count else rows


def _take(table: Table, index: int) -> Row:
    try:
        return Row(table.row(index))
    except IndexSkipped:
        return Row({}, SKIPPED)
    except IndexFailed:
        return Row({}, FAILED)


def _merge(rows: Sequence[Row]) -> Row:
    """Join the rows of a task's own mapping and of the groups around it, innermost first; the inner one counts."""
    arguments = {name: value for row in reversed(rows) for name, value in row.arguments.items()}
    obstacles = [row.obstacle for row in rows if row.obstacle]
    return Row(arguments, obstacles[0] if obstacles else None)
