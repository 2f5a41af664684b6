"""Lengths: how many instances each mapped task and group has, counted from the outputs that are given."""

# Source: get_task_map_length (serialization/definitions/xcom_arg.py, 3.3.2; models/xcom_arg.py, 2.11.2).

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_dynadag.graph.expansion import UNKNOWN, Unknown
from pytest_dynadag.graph.given import MISSING, RETURN_VALUE, Given
from pytest_dynadag.graph.sources import Argument, MappingForm, Output
from pytest_dynadag.graph.states import SUCCESS, UNKNOWN_STATE, Rows
from pytest_dynadag.graph.structure import Structure, Task
from pytest_dynadag.graph.values import count_instances
from pytest_dynadag.location import Location


@dataclass(slots=True)
class Lengths:
    """
    Measures mapped tasks and groups, and notes which outputs that would need.

    *rows* and *outputs* lead from a task to how its instances ended and to what they left, by position: MISSING where
    that is not known, one entry for all where they are alike. *missing* leads from a task whose output is needed and
    not given to what needs it, each with its place; *unpushed* names branches that left no output.
    """

    structure: Structure
    given: Given
    rows: Mapping[str, Rows] = field(default_factory=dict)
    outputs: dict[str, list[Any]] = field(default_factory=dict)
    missing: dict[str, list[tuple[str, Location | None]]] = field(default_factory=dict)
    unpushed: set[str] = field(default_factory=set)

    def measure(self, owner: str, mapping: MappingForm) -> int | Unknown | None:
        """Return the length of a mapped task or group; None where Airflow never finds it, see `scheduler.Measure`."""
        if any(isinstance(source, Argument) for source in mapping.sources):
            return UNKNOWN
        length = count_instances(mapping, self._counting_for(owner))
        if isinstance(length, int):
            return length
        sources = self.structure.sources[owner]
        never = any(map(self.is_never_counted, sources)) or not any(map(self._would_help, sources))
        return None if never else UNKNOWN

    def _counting_for(self, owner: str) -> Callable[[Output], Any]:
        def lookup(output: Output) -> Any:
            value = self.look_up(output) if self._is_counted(output.task_id) else UNKNOWN
            if value is UNKNOWN and self._would_help(output.task_id):
                self._miss(output.task_id, owner)
            return value if isinstance(value, (list, tuple, dict)) else UNKNOWN

        return lookup

    def look_up(self, output: Output) -> Any:
        """Return what an output is to a mapping over it; UNKNOWN if that is not known."""
        value = self.collect(output.task_id)
        if output.key == RETURN_VALUE:
            return value
        if (output.task_id, output.key) in self.given.keyed:
            return self.given.keyed[output.task_id, output.key]
        several = self.structure[output.task_id].multiple_outputs and isinstance(value, dict)
        return value.get(output.key, UNKNOWN) if several else UNKNOWN

    def collect(self, task_id: str) -> Any:
        """
        Return what a mapping over a task gets: its output, or those of its instances that exist, closed up.

        An instance that failed, was skipped or returned None leaves no gap. UNKNOWN if any of it is not known.
        """
        rows, outputs = self.rows[task_id], self.outputs.get(task_id, [MISSING])
        if not self.structure.is_mapped(self.structure[task_id]):
            return UNKNOWN if outputs[0] is MISSING else outputs[0]
        if rows.count is None:
            return UNKNOWN if rows[None] == UNKNOWN_STATE else []
        if len(outputs) < rows.count:
            return UNKNOWN if SUCCESS in rows.states else []
        ended = zip(rows, outputs, strict=True)
        present = [value for state, value in ended if state == SUCCESS and value is not None]
        return UNKNOWN if any(value is MISSING for value in present) else present

    def _is_counted(self, task_id: str) -> bool:
        mapped = self.structure.is_mapped(self.structure[task_id])
        return not self.is_never_counted(task_id) and (mapped or self.rows[task_id][None] == SUCCESS)

    def is_never_counted(self, task_id: str) -> bool:
        """Return whether the scheduler never finds a length: a plain task in a mapped group, a silent branch."""
        task = self.structure[task_id]
        inside = task.mapping is None and bool(self.structure.mapped_groups_around(task))
        return inside or task_id in self.unpushed

    def _would_help(self, task_id: str) -> bool:
        """Return whether giving a task's output would make the length known."""
        rows = self.rows[task_id]
        ended_well = rows.count is not None or rows[None] in (SUCCESS, UNKNOWN_STATE)
        return not self.is_never_counted(task_id) and ended_well

    def _miss(self, task_id: str, owner: str) -> None:
        need = (f"{owner}[?]", self.structure.location_of(owner))
        needs = self.missing.setdefault(task_id, [])
        if need not in needs:
            needs.append(need)

    def is_refused(self, task: Task) -> bool:
        """Return whether a length would come from the argument of a group further out, which no version can count."""
        mappings = (mapping for _, mapping in self.structure.mappings_of(task))
        return any(isinstance(source, Argument) for mapping in mappings for source in mapping.sources)
