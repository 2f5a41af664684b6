"""Starts: what keeps an instance from running although the scheduler lets it."""

# Before a task runs, the API server tells the worker which indexes above it there are. Airflow 3.0 gives up where a
# mapped group has no length: `_get_upstream_map_indexes`, api_fastapi/execution_api/routes/task_instances.py, 3.0.6.

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pytest_dynadag.graph.behaviour import Behaviour
from pytest_dynadag.graph.ends import Ends
from pytest_dynadag.graph.lengths import Lengths
from pytest_dynadag.graph.structure import Structure, Task


@dataclass(slots=True)
class Starts:
    """
    Says of one task after another whether it can start, upstream tasks first.

    *ends* is what has been worked out so far; *prevented* leads from a task that could not start to the mapped group
    above it whose length was not known.
    """

    structure: Structure
    behaviour: Behaviour
    lengths: Lengths
    ends: Mapping[str, Ends]
    prevented: dict[str, str] = field(default_factory=dict)

    def prevents(self, task: Task, wave: int) -> bool:
        """Tell whether *task*, which is to run in *wave*, cannot start, and note it."""
        if not self.behaviour.starts_need_lengths:
            return False
        for name in task.upstream:
            for group in self.structure.mapped_groups_around(self.structure[name])[:1]:
                if not self._has_length(group.group_id, task, wave):
                    self.prevented[task.task_id] = group.group_id
                    return True
        return False

    def _has_length(self, group_id: str, task: Task, wave: int) -> bool:
        """Tell whether a group's length is known by then; of what runs in the same wave, what comes first has ended."""
        ends = ((name, self.ends[name].last) for name in self.structure.sources[group_id])
        in_time = all(last < wave or (last == wave and name < task.task_id) for name, last in ends)
        return in_time and not self.lengths.is_lost(group_id)
