"""A DAG as written, unexpanded: tasks, groups, what they are mapped over, what waits for what."""

# Plain frozen data: no Airflow object is needed to hold, compare, plan or write it.

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pytest_dynadag.errors import UnknownNameError
from pytest_dynadag.graph.canonical import decode, digest, encode
from pytest_dynadag.graph.sources import (
    Argument,
    MappingForm,
    iterate_dependencies,
    iterate_functions,
    iterate_references,
    read_mapping,
)
from pytest_dynadag.location import Location

FORMAT = 1
"""Version of the JSON form of a structure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """
    One task as written.

    Attributes:
        task_id: Its id, with the ids of its groups in front, as Airflow writes it.
        operator: Class name of the operator, such as `PythonOperator`.
        location: File and line where it is written, if known.
        group_id: The innermost group around it; None at the top.
        mapping: What it is itself mapped over; None if it is not (it may still stand in a mapped group).
        upstream: Ids of the tasks it directly depends on, sorted.
        trigger_rule: Airflow's name of the rule, such as `all_success`.
        retries: How often it is tried again.
        map_index_template: The Jinja template of its instances' labels.
        arguments: Its arguments apart from those it is mapped over, outputs in them as `Output`.
        pushes_output: False with `do_xcom_push=False`.
        multiple_outputs: True if the keys of a returned dict become XComs of their own.
        skips: `branch` if its output chooses what runs next, `short_circuit` if a false output ends the run
            below it (`short_circuit_direct`: skips just the next tasks); None for other tasks.
        is_setup, is_teardown, fails_run: As in Airflow; `fails_run` is a teardown's `on_failure_fail_dagrun`.
    """

    task_id: str
    operator: str = "Operator"
    location: Location | None = None
    group_id: str | None = None
    mapping: MappingForm | None = None
    upstream: tuple[str, ...] = ()
    trigger_rule: str = "all_success"
    retries: int = 0
    map_index_template: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    pushes_output: bool = True
    multiple_outputs: bool = False
    skips: str | None = None
    is_setup: bool = False
    is_teardown: bool = False
    fails_run: bool = False

    def __repr__(self) -> str:
        mapped = f" over {self.mapping}" if self.mapping else ""
        return f"<Task {self.task_id!r} ({self.operator}){mapped}, {len(self.upstream)} upstream>"

    def uses_argument(self, group_id: str) -> bool:
        """Tell whether the task uses what the mapped group *group_id* hands in."""
        references = iterate_references((self.arguments, self.mapping))
        return any(isinstance(r, Argument) and r.group_id == group_id for r in references)

    def to_dict(self) -> dict[str, Any]:
        """Give the task as JSON; what has its default value is left out."""
        data = {name: getattr(self, name) for name in _PLAIN_FIELDS if getattr(self, name) != _DEFAULTS[name]}
        if self.location:
            data["location"] = self.location.to_dict()
        if self.mapping:
            data["mapping"] = self.mapping.to_dict()
        if self.upstream:
            data["upstream"] = list(self.upstream)
        if self.arguments:
            data["arguments"] = encode(self.arguments)
        return {"task_id": self.task_id, **data}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Task:
        """Read what `to_dict` wrote."""
        return cls(
            task_id=data["task_id"],
            location=Location.from_dict(data["location"]) if "location" in data else None,
            mapping=read_mapping(data.get("mapping")),
            upstream=tuple(data.get("upstream", ())),
            arguments=decode(data.get("arguments", {})),
            **{name: data[name] for name in _PLAIN_FIELDS if name in data},
        )


_DEFAULTS: dict[str, Any] = {
    "operator": "Operator",
    "group_id": None,
    "trigger_rule": "all_success",
    "retries": 0,
    "map_index_template": None,
    "pushes_output": True,
    "multiple_outputs": False,
    "skips": None,
    "is_setup": False,
    "is_teardown": False,
    "fails_run": False,
}
_PLAIN_FIELDS = tuple(_DEFAULTS)


@dataclass(frozen=True, slots=True)
class Group:
    """
    A task group as written.

    *parent* is the group around it, *mapping* what it is mapped over, *location* where it is written.
    """

    group_id: str
    parent: str | None = None
    mapping: MappingForm | None = None
    location: Location | None = None

    def to_dict(self) -> dict[str, Any]:
        """Give the group as JSON."""
        return {
            "group_id": self.group_id,
            "parent": self.parent,
            "mapping": self.mapping.to_dict() if self.mapping else None,
            "location": self.location.to_dict() if self.location else None,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Group:
        """Read what `to_dict` wrote."""
        location = Location.from_dict(data["location"]) if data["location"] else None
        return cls(data["group_id"], data["parent"], read_mapping(data["mapping"]), location)


@dataclass(frozen=True, eq=False, repr=False)
class Structure:
    """
    A DAG as written, unexpanded.

    Attributes:
        dag_id: The DAG's id.
        tasks: Every task, upstream tasks before those that wait for them.
        groups: Every task group, outer ones first.
        location: File and line where the DAG is written, if known.
        airflow_version: The Airflow that parsed it; the planner follows that version's rules.
        settings: What else the DAG is made with (schedule, params, tags ...), as plain data.

    Two structures are equal if their canonical forms are.
    """

    dag_id: str
    tasks: tuple[Task, ...] = ()
    groups: tuple[Group, ...] = ()
    location: Location | None = None
    airflow_version: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tasks", order_topologically(self.tasks))

    def __repr__(self) -> str:
        mapped = sum(1 for task in self.tasks if self.is_mapped(task))
        return f"<Structure of {self.dag_id!r}: {_count(self.tasks, 'task')}, {mapped} mapped, {_count(self.groups, 'group')}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Structure):
            return NotImplemented
        return self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash(self.dag_id)

    @cached_property
    def by_id(self) -> dict[str, Task]:
        """Every task by its id."""
        return {task.task_id: task for task in self.tasks}

    @cached_property
    def groups_by_id(self) -> dict[str, Group]:
        """Every group by its id."""
        return {group.group_id: group for group in self.groups}

    def __getitem__(self, task_id: str) -> Task:
        try:
            return self.by_id[task_id]
        except KeyError:
            raise UnknownNameError("task", task_id, self.by_id, where=f"DAG {self.dag_id!r}") from None

    @property
    def fails_fast(self) -> bool:
        """Whether the first task that fails stops the others: `fail_fast`, `fail_stop` before Airflow 3."""
        return bool(self.settings.get("fail_fast") or self.settings.get("fail_stop"))

    def groups_around(self, task: Task) -> Iterator[Group]:
        """Give the groups around *task*, innermost first."""
        group_id = task.group_id
        while group_id is not None:
            group = self.groups_by_id[group_id]
            yield group
            group_id = group.parent

    @cached_property
    def _mapped_groups(self) -> dict[str, tuple[Group, ...]]:
        return {t.task_id: tuple(g for g in self.groups_around(t) if g.mapping) for t in self.tasks}

    def mapped_groups_around(self, task: Task) -> tuple[Group, ...]:
        """Give the mapped groups around *task*, innermost first."""
        return self._mapped_groups[task.task_id]

    def is_mapped(self, task: Task) -> bool:
        """Tell whether *task* becomes indexed instances: mapped itself, or inside a mapped group."""
        return task.mapping is not None or bool(self.mapped_groups_around(task))

    def mappings_of(self, task: Task) -> tuple[tuple[str, MappingForm], ...]:
        """Give what decides how many instances *task* has: (owner's id, mapping), its own first, then its groups'."""
        own = ((task.task_id, task.mapping),) if task.mapping else ()
        around = ((g.group_id, g.mapping) for g in self.mapped_groups_around(task) if g.mapping)
        return (*own, *around)

    def is_directly_in_mapped_group(self, task: Task) -> bool:
        """Tell whether the innermost group around *task*, mapped or not, is a mapped one."""
        return task.group_id is not None and self.groups_by_id[task.group_id].mapping is not None

    @cached_property
    def sources(self) -> dict[str, tuple[str, ...]]:
        """Id of a mapped task or group to the ids of the tasks it is mapped over, each once, in order."""
        tasks = {task.task_id: task.mapping for task in self.tasks}
        mappings = {**tasks, **{group.group_id: group.mapping for group in self.groups}}
        return {
            owner: tuple(dict.fromkeys(output.task_id for output in iterate_dependencies(mapping)))
            for owner, mapping in mappings.items()
            if mapping
        }

    def sources_of(self, task: Task) -> tuple[str, ...]:
        """Give the ids of the tasks that *task*, or the closest mapped group around it, is mapped over."""
        mappings = self.mappings_of(task)
        return self.sources[mappings[0][0]] if mappings else ()

    @cached_property
    def mapped_over(self) -> dict[str, tuple[str, ...]]:
        """Task id to the ids of the tasks and groups that are mapped over its output, each once, in order."""
        owners: dict[str, list[str]] = {}
        for owner, sources in self.sources.items():
            for source in sources:
                owners.setdefault(source, []).append(owner)
        return {task_id: tuple(names) for task_id, names in owners.items()}

    @cached_property
    def downstream(self) -> dict[str, tuple[str, ...]]:
        """Task id to the ids of the tasks that directly wait for it, in the structure's order."""
        found: dict[str, list[str]] = {task.task_id: [] for task in self.tasks}
        for task in self.tasks:
            for upstream_id in task.upstream:
                found[upstream_id].append(task.task_id)
        return {task_id: tuple(ids) for task_id, ids in found.items()}

    def below(self, task_id: str) -> frozenset[str]:
        """Give the ids of every task that waits for *task_id*, directly or not."""
        found: set[str] = set()
        waiting = [task_id]
        while waiting:
            new = [name for name in self.downstream[waiting.pop()] if name not in found]
            found.update(new)
            waiting.extend(new)
        return frozenset(found)

    def above(self, task_id: str) -> frozenset[str]:
        """Give the ids of every task that *task_id* waits for, directly or not."""
        found: set[str] = set()
        waiting = [task_id]
        while waiting:
            new = [name for name in self[waiting.pop()].upstream if name not in found]
            found.update(new)
            waiting.extend(new)
        return frozenset(found)

    def setups_above(self, task: Task) -> tuple[str, ...]:
        """
        Give the ids of the setups that *task* needs without depending on them directly.

        Source: `get_upstreams_only_setups` (models/abstractoperator.py, 2.11.2; serialization/definitions, 3.3.2):
        those further above that have no teardown, or one below the task.
        """
        return () if task.is_teardown else self._setups_above.get(task.task_id, ())

    @cached_property
    def _setups_above(self) -> dict[str, tuple[str, ...]]:
        setups = [task for task in self.tasks if task.is_setup]
        return {task.task_id: self._needed_setups(task, setups) for task in self.tasks} if setups else {}

    def _needed_setups(self, task: Task, setups: list[Task]) -> tuple[str, ...]:
        above, below = self.above(task.task_id), self.below(task.task_id)
        far = [setup for setup in setups if setup.task_id in above and setup.task_id not in task.upstream]
        teardowns = {setup.task_id: self._teardowns_of(setup) for setup in far}
        return tuple(name for name, torn_down in teardowns.items() if not torn_down or torn_down & below)

    def _teardowns_of(self, setup: Task) -> frozenset[str]:
        return frozenset(name for name in self.downstream[setup.task_id] if self[name].is_teardown)

    def scope_of(self, teardown: Task) -> tuple[str, ...]:
        """Give the ids of the tasks between a teardown and its setups that it does not directly depend on."""
        if not teardown.is_teardown:
            return ()
        between = self.above(teardown.task_id) - set(teardown.upstream)
        below = (self.below(name) for name in teardown.upstream if self[name].is_setup)
        return tuple(sorted(between.intersection(frozenset().union(*below))))

    def location_of(self, owner: str) -> Location | None:
        """Give the line where a task or a group is written; the DAG's own if that is not known."""
        known = self.by_id.get(owner) or self.groups_by_id.get(owner)
        return (known.location if known else None) or self.location

    @property
    def applies_functions(self) -> bool:
        """Tell whether some mapping calls a function of the DAG file (`.map()`), which plain data cannot hold."""
        mappings = (*(task.mapping for task in self.tasks), *(group.mapping for group in self.groups))
        return any(True for mapping in mappings for _ in iterate_functions(mapping))

    @cached_property
    def digest(self) -> str:
        """A short digest of the canonical form."""
        return digest(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Give the structure as JSON, in its canonical form."""
        return {
            "format": FORMAT,
            "dag_id": self.dag_id,
            "airflow": self.airflow_version,
            "location": self.location.to_dict() if self.location else None,
            "settings": encode(self.settings),
            "groups": [group.to_dict() for group in self.groups],
            "tasks": [task.to_dict() for task in self.tasks],
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Structure:
        """
        Read what `to_dict` wrote.

        Raises:
            ValueError: The data has another format version.
        """
        if data.get("format") != FORMAT:
            raise ValueError(f"structure format {data.get('format')!r}, but this version reads {FORMAT}")
        return cls(
            dag_id=data["dag_id"],
            tasks=tuple(Task.from_dict(task) for task in data["tasks"]),
            groups=tuple(Group.from_dict(group) for group in data["groups"]),
            location=Location.from_dict(data["location"]) if data["location"] else None,
            airflow_version=data["airflow"],
            settings=decode(data["settings"]),
        )


def order_topologically(tasks: tuple[Task, ...]) -> tuple[Task, ...]:
    """
    Put upstream tasks before those that wait for them, by id where neither waits for the other.

    Raises:
        ValueError: An upstream is not among *tasks*, or tasks wait for each other in a circle.
    """
    by_id = {task.task_id: task for task in sorted(tasks, key=lambda task: task.task_id)}
    ordered: dict[str, Task] = {}
    remaining = dict(by_id)
    while remaining:
        ready = [t for t in remaining.values() if all(name in ordered for name in t.upstream)]
        if not ready:
            raise ValueError(f"tasks wait for each other, or for one that is not there: {sorted(remaining)}")
        for task in ready:
            ordered[task.task_id] = remaining.pop(task.task_id)
    return tuple(ordered.values())


def _count(things: tuple[Any, ...], noun: str) -> str:
    return f"{len(things)} {noun}" + ("" if len(things) == 1 else "s")
