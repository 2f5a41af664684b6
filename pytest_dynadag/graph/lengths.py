"""Lengths: how many instances each mapped task and group has, counted from what the tasks above it left."""

# Source: get_mapped_ti_count (serialization/definitions/mappedoperator.py, 3.3.2; AbstractOperator, 2.11.2) and
# get_task_map_length (serialization/definitions/xcom_arg.py): a task has its own length times those of all mapped
# groups around it.

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pytest_dynadag.graph.ends import SUCCESS, UNKNOWN_STATE
from pytest_dynadag.graph.expansion import UNKNOWN, TaskExpansion, Unknown
from pytest_dynadag.graph.given import MISSING, RETURN_VALUE, Given
from pytest_dynadag.graph.sources import Argument, Literal, MappingForm, Output
from pytest_dynadag.graph.structure import Structure, Task
from pytest_dynadag.graph.values import count_instances
from pytest_dynadag.location import Location


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one task: its expansion, and its outputs by position (MISSING where not known)."""

    expansion: TaskExpansion
    outputs: list[Any]

    def collect(self) -> Any:
        """
        Give what a mapping over the task gets: its output, or those of its instances that exist, closed up.

        An instance that failed, was skipped or returned None leaves no gap. UNKNOWN if any of it is not known.
        """
        if not self.expansion.mapped:
            value = self.outputs[0] if self.outputs else MISSING
            return UNKNOWN if value is MISSING else value
        if self.expansion.count is None:
            return UNKNOWN
        outputs = zip(self.expansion.iterate_states(), self.outputs, strict=True)
        present = [value for state, value in outputs if state == SUCCESS and value is not None]
        return UNKNOWN if any(value is MISSING for value in present) else present


@dataclass(slots=True)
class Lengths:
    """
    Counts tasks and groups once each, and notes which outputs it would need.

    *known* leads from the id of a mapped task or group to its own length; *missing* from a task whose output is
    needed and not given to what needs it, each with its place; *unpushed* names branches that left no output.
    """

    structure: Structure
    given: Given
    outcomes: dict[str, Outcome]
    known: dict[str, int] = field(default_factory=dict)
    missing: dict[str, list[tuple[str, Location | None]]] = field(default_factory=dict)
    unpushed: set[str] = field(default_factory=set)

    def count(self, task: Task) -> int | Unknown:
        """Give how many instances *task* has: the product of its own length and those of the groups around it."""
        total: int | Unknown = 1
        for owner, mapping in self.structure.mappings_of(task):
            length = self._measure(owner, mapping)
            total = UNKNOWN if isinstance(length, Unknown) or isinstance(total, Unknown) else total * length
        return total

    def _measure(self, owner: str, mapping: MappingForm) -> int | Unknown:
        if owner not in self.known:
            length = count_instances(mapping, self._counting_for(owner))
            if isinstance(length, Unknown):
                return UNKNOWN
            self.known[owner] = length
        return self.known[owner]

    def _counting_for(self, owner: str) -> Callable[[Output], Any]:
        def lookup(output: Output) -> Any:
            value = self.look_up(output) if self._is_counted(output.task_id) else UNKNOWN
            if value is UNKNOWN and self._would_help(output.task_id):
                self._miss(output.task_id, owner)
            return value if isinstance(value, (list, tuple, dict)) else UNKNOWN

        return lookup

    def look_up(self, output: Output) -> Any:
        """Give what an output is to whoever reads it; UNKNOWN if that is not known."""
        value = self.outcomes[output.task_id].collect()
        if output.key == RETURN_VALUE:
            return value
        if (output.task_id, output.key) in self.given.keyed:
            return self.given.keyed[output.task_id, output.key]
        several = self.structure[output.task_id].multiple_outputs and isinstance(value, dict)
        return value.get(output.key, UNKNOWN) if several else UNKNOWN

    def _is_counted(self, task_id: str) -> bool:
        expansion = self.outcomes[task_id].expansion
        return not self.is_never_counted(task_id) and (expansion.mapped or expansion.state == SUCCESS)

    def is_never_counted(self, task_id: str) -> bool:
        """Tell whether the scheduler never finds a length: a plain task in a mapped group, a silent branch."""
        task = self.structure[task_id]
        inside = task.mapping is None and bool(self.structure.mapped_groups_around(task))
        return inside or task_id in self.unpushed

    def is_lost(self, owner: str) -> bool:
        """Tell whether the length of a mapped task or group that was counted is not known, whatever else were given."""
        needed = any(need == _name(owner) for needs in self.missing.values() for need, _ in needs)
        return owner not in self.known and not needed

    def _would_help(self, task_id: str) -> bool:
        """Tell whether giving a task's output would make the length known."""
        expansion = self.outcomes[task_id].expansion
        ended_well = expansion.state in (SUCCESS, UNKNOWN_STATE)
        return not self.is_never_counted(task_id) and (
            ended_well or (expansion.mapped and bool(expansion.count))
        )

    def _miss(self, task_id: str, owner: str) -> None:
        need = (_name(owner), self.structure.location_of(owner))
        needs = self.missing.setdefault(task_id, [])
        if need not in needs:
            needs.append(need)

    def is_written(self, task: Task) -> bool:
        """Tell whether the file alone decides how many: such tasks are expanded when the run is created."""
        mappings = (mapping for _, mapping in self.structure.mappings_of(task))
        return all(isinstance(source, Literal) for mapping in mappings for source in mapping.sources)

    def is_refused(self, task: Task) -> bool:
        """Tell whether a length would come from the argument of a group further out, which no version can count."""
        mappings = (mapping for _, mapping in self.structure.mappings_of(task))
        return any(isinstance(source, Argument) for mapping in mappings for source in mapping.sources)


def _name(owner: str) -> str:
    """Write a mapped task or group whose length is not known."""
    return f"{owner}[?]"
