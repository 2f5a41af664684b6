"""The graph of task instances that a structure becomes: planned, or observed in a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import repeat
from typing import TYPE_CHECKING, Any

from pytest_dynadag.errors import UnknownNameError, require
from pytest_dynadag.findings import Finding
from pytest_dynadag.graph.canonical import decode, dump, encode, register_reference
from pytest_dynadag.graph.edges import Dependency, Nodes
from pytest_dynadag.graph.given import format_key, parse_key
from pytest_dynadag.named import Named

if TYPE_CHECKING:
    from pytest_dynadag.graph.diff import Difference

FORMAT = 1
"""Version of the JSON form of an expansion."""


class Unknown:
    """A value or label that cannot be told without running the DAG; prints as `?`."""

    def __repr__(self) -> str:
        return "?"

    def to_dict(self) -> dict[str, Any]:
        """Give the unknown as JSON."""
        return {"$unknown": True}


UNKNOWN = Unknown()
register_reference("$unknown", lambda _: UNKNOWN)


@dataclass(frozen=True, slots=True)
class Instance:
    """
    One node of an expansion.

    *key* is `load[2]`, `load` when not mapped, `load[?]` when its length is unknown; *index* the map index or
    None; *label* the rendered `map_index_template`; *inputs* what `expand` gives it, by argument name; *state*
    how it ends.
    """

    key: str
    index: int | None
    inputs: Mapping[str, Any]
    state: str
    label: str | Unknown | None = None

    def __repr__(self) -> str:
        label = f" {self.label!r}" if self.label is not None else ""
        return f"<Instance {self.key}{label} {self.state}: {', '.join(self.inputs) or 'no inputs'}>"


class Counts(Named["int | None"]):
    """How many instances each task has; a dict that says more of itself when a comparison fails."""

    __slots__ = ()

    def __init__(self, entries: Mapping[str, int | None], dag_id: str = "") -> None:
        super().__init__(entries, what="task", where=f"the expansion of {dag_id!r}")


class Inputs(list[Mapping[str, Any]]):
    """What each instance of *task_id* gets; a list that says more of itself when a comparison fails."""

    __slots__ = ("task_id",)

    def __init__(self, task_id: str, inputs: Iterable[Mapping[str, Any]]) -> None:
        super().__init__(inputs)
        self.task_id = task_id


@dataclass(frozen=True, repr=False, eq=False)
class TaskExpansion:
    """
    What one task became.

    Attributes:
        task_id: The task.
        count: How many instances: 1 for a plain task, 0 for a mapped one that is never expanded, None where
            the length is unknown.
        mapped: Whether its instances have an index.
        states: The state of each instance; one entry stands for all if they are alike. For a task with count 0
            the one state that its placeholder ends in.
        inputs: What `expand` gives each instance, by argument name.
        labels: The label of each instance, None where it has none.
        reason: Why the task is not expanded or its length is unknown, in words; empty if all is well.
    """

    task_id: str
    count: int | None
    mapped: bool
    states: tuple[str, ...]
    inputs: list[Mapping[str, Any]] = field(default_factory=list)
    labels: Sequence[str | Unknown | None] = ()
    reason: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", Inputs(self.task_id, self.inputs))

    def __repr__(self) -> str:
        count = "?" if self.count is None else self.count
        return f"<TaskExpansion {self.task_id!r}: {count} instances, {self.state}>"

    @property
    def state(self) -> str:
        """How the task ends: the state of all its instances, or the worst of them."""
        return max(self.states, key=_SEVERITY.__getitem__, default="success") if self.states else "success"

    @property
    def nodes(self) -> Nodes:
        """The nodes of the task in the graph."""
        if self.mapped and self.count:
            return Nodes(self.task_id, self.count, self.task_id)
        return Nodes(self.task_id, None, f"{self.task_id}[?]" if self.count is None else self.task_id)

    def state_of(self, index: int) -> str:
        """Give the state of the instance at position *index*."""
        return self.states[index] if len(self.states) > 1 else self.states[0]

    def iterate_states(self) -> Iterator[str]:
        """Give the state of each instance, in the order of their indexes."""
        return iter(self.states) if len(self.states) > 1 else repeat(self.state, len(self))

    def __len__(self) -> int:
        return self.count or 0

    def __getitem__(self, index: int) -> Instance:
        if self.count is None:
            return Instance(f"{self.task_id}[?]", None, {}, self.state)
        position = range(self.count)[index]
        map_index = position if self.mapped else None
        label = self.labels[position] if self.labels else None
        inputs = self.inputs[position] if self.inputs else {}
        return Instance(
            format_key(self.task_id, map_index), map_index, inputs, self.state_of(position), label
        )

    def __iter__(self) -> Iterator[Instance]:
        return (self[index] for index in range(1 if self.count is None else self.count))

    def to_dict(self) -> dict[str, Any]:
        """Give what the task became as JSON."""
        data: dict[str, Any] = {"task_id": self.task_id, "count": self.count, "mapped": self.mapped}
        data["states"] = list(self.states)
        if any(self.inputs):
            data["inputs"] = [encode(inputs) for inputs in self.inputs]
        if any(label is not None for label in self.labels):
            data["labels"] = [encode(label) for label in self.labels]
        return {**data, "reason": self.reason} if self.reason else data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> TaskExpansion:
        """Read what `to_dict` wrote."""
        inputs = [decode(item) for item in data.get("inputs", [])]
        labels = tuple(_read_label(label) for label in data.get("labels", ()))
        states = tuple(data["states"])
        number = data["count"] or 0
        return cls(
            data["task_id"],
            data["count"],
            data["mapped"],
            states,
            inputs or [{} for _ in range(number)],
            labels,
            data.get("reason", ""),
        )


_SEVERITY = {
    state: rank
    for rank, state in enumerate(
        ("success", "skipped", "removed", "unknown", "upstream_failed", "up_for_retry", "failed")
    )
}


def _read_label(label: Any) -> str | Unknown | None:
    return UNKNOWN if isinstance(label, dict) else label


@dataclass(frozen=True, eq=False, repr=False)
class Expansion:
    """
    The task instances that a structure becomes for a given.

    Attributes:
        dag_id: The DAG.
        tasks: What each task became, upstream tasks first.
        dependencies: What waits for what, symbolic; `edges` counts it out.
        findings: What was noticed on the way.
        given: A digest of what it was made for, where somebody took one.

    Two expansions are equal if they have the same instances, with the same inputs and the same edges.
    """

    dag_id: str
    tasks: tuple[TaskExpansion, ...]
    dependencies: tuple[Dependency, ...] = ()
    findings: tuple[Finding, ...] = ()
    given: str = ""

    @cached_property
    def by_id(self) -> dict[str, TaskExpansion]:
        """What each task became, by task id."""
        return {task.task_id: task for task in self.tasks}

    @property
    def counts(self) -> Counts:
        """How many instances each task has; None where the length is unknown."""
        return Counts({task.task_id: task.count for task in self.tasks}, self.dag_id)

    @cached_property
    def instances(self) -> tuple[Instance, ...]:
        """Every instance, by task in the order of the structure, then by index."""
        return tuple(instance for task in self.tasks for instance in task)

    @property
    def states(self) -> dict[str, str]:
        """The state of every instance by its key, and of every task that is never expanded by its id."""
        states = {instance.key: instance.state for instance in self.instances}
        states.update({task.task_id: task.state for task in self.tasks if task.count == 0})
        return Named(states, what="instance", where=f"the expansion of {self.dag_id!r}")

    def __len__(self) -> int:
        return sum(1 if task.count is None else task.count for task in self.tasks)

    def __getitem__(self, key: str) -> Any:
        """
        Give what a task became (`TaskExpansion`) by its id, or one `Instance` by its key such as `load[1]`.

        Raises:
            UnknownNameError: There is no such task or instance; the message names the nearest.
        """
        __tracebackhide__ = True
        return self.by_id[key] if key in self.by_id else self._instance(key)

    def _instance(self, key: str) -> Instance:
        __tracebackhide__ = True
        task_id, index = parse_key(key)
        task = self.by_id.get(task_id)
        if task is not None and index is not None and task.mapped and index < len(task):
            return task[index]
        unknown = self.by_id.get(key[:-3]) if key.endswith("[?]") else None
        if unknown is not None and unknown.count is None:
            return unknown[0]
        known = [*self.by_id, *(task.nodes.keys() if task else ())]
        raise UnknownNameError("task or instance", key, known, where=f"expansion of DAG {self.dag_id!r}")

    def __contains__(self, key: object) -> bool:
        try:
            return self[str(key)] is not None
        except UnknownNameError:
            return False

    def __iter__(self) -> Iterator[TaskExpansion]:
        return iter(self.tasks)

    @property
    def edges(self) -> Iterator[tuple[str, str]]:
        """Every edge as (upstream key, downstream key), one by one."""
        return (pair for dependency in self.dependencies for pair in dependency.pairs())

    @property
    def edge_count(self) -> int:
        """How many edges there are, without counting them out."""
        return sum(dependency.number for dependency in self.dependencies)

    def upstream(self, key: str) -> list[str]:
        """
        Give the keys of what the instance *key* waits for.

        For the id of a mapped task: what any of its instances waits for.
        """
        task_id, index = self._locate(key)
        found: dict[str, None] = {}
        for dependency in self.dependencies:
            if dependency.downstream.task_id == task_id:
                indexes = None if index is None else dependency.upstream_indexes(index)
                found.update(dict.fromkeys(dependency.upstream.keys(indexes)))
        return list(found)

    def downstream(self, key: str) -> list[str]:
        """
        Give the keys of what waits for the instance *key*.

        For the id of a mapped task: what waits for any of its instances.
        """
        task_id, index = self._locate(key)
        found: dict[str, None] = {}
        for dependency in self.dependencies:
            if dependency.upstream.task_id == task_id:
                indexes = None if index is None else dependency.downstream_indexes(index)
                keys = (
                    dependency.downstream.keys()
                    if indexes is None
                    else (format_key(dependency.downstream.task_id, i) for i in indexes)
                )
                found.update(dict.fromkeys(keys))
        return list(found)

    def _locate(self, key: str) -> tuple[str, int | None]:
        found = self[key]
        if isinstance(found, TaskExpansion):
            return found.task_id, None
        return (key[:-3], None) if key.endswith("[?]") else parse_key(key)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Expansion):
            return NotImplemented
        if self.dag_id != other.dag_id or _shape(self) != _shape(other):
            return False
        return _edges(self) == _edges(other) and _inputs_agree(self, other)

    def __hash__(self) -> int:
        return hash((self.dag_id, len(self.tasks)))

    def __repr__(self) -> str:
        widest = max((task for task in self.tasks if task.mapped), key=len, default=None)
        width = f" (widest: {widest.task_id}, {len(widest)})" if widest else ""
        unexpanded = sum(1 for task in self.tasks if task.count == 0)
        return (
            f"<Expansion of {self.dag_id!r}: {len(self.tasks)} tasks, {len(self)} instances{width}, "
            f"{unexpanded} not expanded, {self.edge_count} edges>"
        )

    def diff(self, other: Expansion, *, states: bool = False) -> Difference:
        """Give what differs from this expansion to the *other*: false if they are equal; see `graph.diff`."""
        from pytest_dynadag.graph.diff import compare

        require("other", other, Expansion, "an Expansion")
        return compare(self, other, states=states)

    def to_text(self) -> str:
        """Write the expansion for people, as `print` shows it best; see `graph.text`."""
        from pytest_dynadag.graph.text import to_text

        return to_text(self)

    def to_mermaid(self) -> str:
        """Write the expansion as a Mermaid flowchart, as GitHub draws it in Markdown; see `graph.mermaid`."""
        from pytest_dynadag.graph.mermaid import to_mermaid

        return to_mermaid(self)

    def _repr_html_(self) -> str:
        """Show the expansion as a table in a notebook; see `graph.notebook`."""
        from pytest_dynadag.graph.notebook import to_html

        return to_html(self)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Give a notebook every form it may show: a table, a drawing, text."""
        from pytest_dynadag.graph.notebook import bundle

        return bundle(self)

    def to_dict(self) -> dict[str, Any]:
        """Give the expansion as JSON; edges stay symbolic."""
        data: dict[str, Any] = {"given": self.given} if self.given else {}
        return {
            "format": FORMAT,
            "dag_id": self.dag_id,
            **data,
            "tasks": [task.to_dict() for task in self.tasks],
            "dependencies": [
                [d.upstream.task_id, d.downstream.task_id, d.kind, d.ancestors] for d in self.dependencies
            ],
            "findings": [finding.to_dict() for finding in self.findings],
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Expansion:
        """
        Read what `to_dict` wrote.

        Raises:
            ValueError: The data has another format version.
        """
        if data.get("format") != FORMAT:
            raise ValueError(f"expansion format {data.get('format')!r}, but this version reads {FORMAT}")
        tasks = tuple(TaskExpansion.from_dict(task) for task in data["tasks"])
        nodes = {task.task_id: task.nodes for task in tasks}
        dependencies = tuple(
            Dependency(nodes[up], nodes[down], kind, ancestors)
            for up, down, kind, ancestors in data["dependencies"]
        )
        findings = tuple(Finding.from_dict(finding) for finding in data["findings"])
        return cls(data["dag_id"], tasks, dependencies, findings, data.get("given", ""))


def _shape(expansion: Expansion) -> dict[str, tuple[int | None, bool]]:
    return {task.task_id: (task.count, task.mapped) for task in expansion.tasks}


def _edges(expansion: Expansion) -> set[tuple[Any, ...]]:
    return {dependency.canonical() for dependency in expansion.dependencies}


def _inputs_agree(one: Expansion, other: Expansion) -> bool:
    return all(inputs_equal(task.inputs, other.by_id[task.task_id].inputs) for task in one.tasks)


def inputs_equal(one: Sequence[Mapping[str, Any]], other: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether two lists of inputs mean the same; a task without inputs may leave them out."""
    if not any(one) and not any(other):
        return True
    return len(one) == len(other) and all(
        dict(a) == dict(b) or dump(a) == dump(b) for a, b in zip(one, other, strict=True)
    )
