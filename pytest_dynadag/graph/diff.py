"""What differs between two expansions: tasks, counts, items, their inputs and order, and what waits for what."""

# An instance is known by its item (its inputs), not by its index: a list in another order is no other list,
# and an item put in front is one item more and not every item changed.

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_dynadag.graph.canonical import dump, encode
from pytest_dynadag.graph.edges import ALL, Dependency
from pytest_dynadag.graph.expansion import Expansion, TaskExpansion, inputs_equal
from pytest_dynadag.graph.given import format_key
from pytest_dynadag.graph.text import count_of, describe_inputs, fold, show

MOST_LINES = 10
"""Of one kind and task in a description; the rest is counted."""

ABSENT = "$absent"
"""Stands in the JSON form for an input that one side does not have."""


class _Nothing:
    """An input that one side does not have."""

    def __repr__(self) -> str:
        return "absent"

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {ABSENT: True}


NOTHING = _Nothing()


@dataclass(frozen=True, slots=True)
class InputChange:
    """Input *name* of instance *key*: what it was (*before*) and is (*after*), NOTHING where it has none."""

    key: str
    name: str
    before: Any
    after: Any

    def to_dict(self) -> dict[str, Any]:
        """Give the change as JSON."""
        return {
            "key": self.key,
            "name": self.name,
            "before": encode(self.before),
            "after": encode(self.after),
        }


@dataclass(frozen=True, slots=True)
class Item:
    """An instance that one side only has: its *key* there, and its inputs."""

    key: str
    inputs: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Give the item as JSON."""
        return {"key": self.key, "inputs": encode(self.inputs)}


@dataclass(frozen=True, slots=True, repr=False)
class TaskDifference:
    """
    What differs in a task that both expansions have.

    Attributes:
        task_id: The task.
        counts: How many instances, before and after; None where the length is unknown.
        mapped: Whether instances have an index, before and after.
        removed, added: Items that one side only has.
        moved: (index before, index after) of the items that both have at different places.
        changed: Inputs that differ, of instances at the same index whose items do not appear elsewhere.
    """

    task_id: str
    counts: tuple[int | None, int | None]
    mapped: tuple[bool, bool]
    removed: tuple[Item, ...] = ()
    added: tuple[Item, ...] = ()
    moved: tuple[tuple[int, int], ...] = ()
    changed: tuple[InputChange, ...] = ()

    def __repr__(self) -> str:
        return (
            f"<TaskDifference {self.task_id!r}: {_show_count(self.counts[0])} then {_show_count(self.counts[1])} "
            f"instances, {len(self.added)} added, {len(self.removed)} removed, {len(self.moved)} moved, "
            f"{len(self.changed)} inputs changed>"
        )

    @property
    def order_only(self) -> bool:
        """Whether the items are the same and only stand in another order."""
        same_shape = self.counts[0] == self.counts[1] and self.mapped[0] == self.mapped[1]
        return bool(self.moved) and same_shape and not (self.added or self.removed or self.changed)

    def to_dict(self) -> dict[str, Any]:
        """Give the difference as JSON."""
        return {
            "task_id": self.task_id,
            "counts": list(self.counts),
            "mapped": list(self.mapped),
            "removed": [item.to_dict() for item in self.removed],
            "added": [item.to_dict() for item in self.added],
            "moved": [list(pair) for pair in self.moved],
            "changed": [change.to_dict() for change in self.changed],
        }


@dataclass(frozen=True, slots=True)
class Edge:
    """Instances of *downstream* wait for those of *upstream*; *kind* as in `Dependency`."""

    upstream: str
    downstream: str
    kind: str

    def __str__(self) -> str:
        return f"{self.upstream} -> {self.downstream} ({self.kind})"

    def to_dict(self) -> dict[str, Any]:
        """Give the edge as JSON."""
        return {"upstream": self.upstream, "downstream": self.downstream, "kind": self.kind}


@dataclass(frozen=True, slots=True, repr=False)
class Difference:
    """
    What differs between two expansions; false if nothing does.

    Attributes:
        dag_ids: The two DAGs.
        added, removed: Ids of the tasks that one side only has, with how many instances each.
        tasks: What differs in tasks that both have.
        edges_added, edges_removed: Dependencies that one side only has, by task.
        states: (key, before, after) of instances that end otherwise; empty unless asked for.
    """

    dag_ids: tuple[str, str]
    added: tuple[tuple[str, int | None], ...] = ()
    removed: tuple[tuple[str, int | None], ...] = ()
    tasks: tuple[TaskDifference, ...] = ()
    edges_added: tuple[Edge, ...] = ()
    edges_removed: tuple[Edge, ...] = ()
    states: tuple[tuple[str, str, str], ...] = ()

    def __bool__(self) -> bool:
        parts = (self.added, self.removed, self.tasks, self.edges_added, self.edges_removed, self.states)
        return self.dag_ids[0] != self.dag_ids[1] or any(parts)

    def __repr__(self) -> str:
        return (
            f"<Difference: {len(self.added)} tasks added, {len(self.removed)} removed, "
            f"{len(self.tasks)} changed, {len(self.edges_added)} edges added, "
            f"{len(self.edges_removed)} removed, {len(self.states)} states changed>"
        )

    def __str__(self) -> str:
        return "\n".join(describe(self))

    @property
    def order_only(self) -> bool:
        """Whether the same items stand in another order, and nothing else differs."""
        others = (self.added, self.removed, self.edges_added, self.edges_removed, self.states)
        same = self.dag_ids[0] == self.dag_ids[1] and not any(others)
        return same and bool(self.tasks) and all(task.order_only for task in self.tasks)

    def to_dict(self) -> dict[str, Any]:
        """Give the difference as JSON."""
        return {
            "dag_ids": list(self.dag_ids),
            "added": [list(task) for task in self.added],
            "removed": [list(task) for task in self.removed],
            "tasks": [task.to_dict() for task in self.tasks],
            "edges_added": [edge.to_dict() for edge in self.edges_added],
            "edges_removed": [edge.to_dict() for edge in self.edges_removed],
            "states": [list(change) for change in self.states],
        }


def compare(one: Expansion, other: Expansion, *, states: bool = False) -> Difference:
    """
    Give what differs from *one* expansion to the *other*; nothing does if and only if they are equal.

    Args:
        one: What there was before.
        other: What there is after.
        states: Whether to compare how instances end, too; equality does not.
    """
    common = [task for task in one.tasks if task.task_id in other.by_id]
    differences = (_compare_tasks(task, other.by_id[task.task_id]) for task in common)
    added, removed = _compare_edges(one, other)
    return Difference(
        (one.dag_id, other.dag_id),
        tuple((task.task_id, task.count) for task in other.tasks if task.task_id not in one.by_id),
        tuple((task.task_id, task.count) for task in one.tasks if task.task_id not in other.by_id),
        tuple(difference for difference in differences if difference is not None),
        added,
        removed,
        _compare_states(one, other) if states else (),
    )


def _compare_tasks(one: TaskExpansion, other: TaskExpansion) -> TaskDifference | None:
    counts, mapped = (one.count, other.count), (one.mapped, other.mapped)
    same_shape = counts[0] == counts[1] and mapped[0] == mapped[1]
    if same_shape and inputs_equal(one.inputs, other.inputs):
        return None
    before, after = _rows(one), _rows(other)
    stayed = {i for i, (a, b) in enumerate(zip(before, after, strict=False)) if inputs_equal([a], [b])}
    moved = _match_moved(before, after, stayed)
    gone = sorted(set(range(len(before))) - stayed - {index for index, _ in moved})
    new = sorted(set(range(len(after))) - stayed - {index for _, index in moved})
    both = set(gone) & set(new)
    changed = [change for i in gone if i in both for change in _compare_inputs(other, i, before[i], after[i])]
    return TaskDifference(
        one.task_id,
        counts,
        mapped,
        tuple(_item(one, index, before) for index in gone if index not in both),
        tuple(_item(other, index, after) for index in new if index not in both),
        moved,
        tuple(changed),
    )


def _rows(task: TaskExpansion) -> Sequence[Mapping[str, Any]]:
    """Give the inputs of each instance; a task without inputs may leave them out."""
    return task.inputs if any(task.inputs) else [{}] * len(task)


def _match_moved(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]], stayed: set[int]
) -> tuple[tuple[int, int], ...]:
    """Pair the items that both have at different places; equal items in the order in which they stand."""
    places: defaultdict[str, deque[int]] = defaultdict(deque)
    for index, inputs in enumerate(after):
        if index not in stayed:
            places[_name(inputs)].append(index)
    return tuple(
        (index, places[name].popleft())
        for index, inputs in enumerate(before)
        if index not in stayed and places[name := _name(inputs)]
    )


def _name(inputs: Mapping[str, Any]) -> str:
    return dump(dict(sorted(inputs.items())))


def _item(task: TaskExpansion, index: int, rows: Sequence[Mapping[str, Any]]) -> Item:
    return Item(format_key(task.task_id, index if task.mapped else None), rows[index])


def _compare_inputs(
    task: TaskExpansion, index: int, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[InputChange]:
    key = format_key(task.task_id, index if task.mapped else None)
    for name in {**before, **after}:
        was, now = before.get(name, NOTHING), after.get(name, NOTHING)
        if not inputs_equal([{name: was}], [{name: now}]):
            yield InputChange(key, name, was, now)


def _compare_edges(one: Expansion, other: Expansion) -> tuple[tuple[Edge, ...], tuple[Edge, ...]]:
    """
    Give the dependencies that the other expansion only has, and those that the first only has.

    Where a count changed its edges follow; that is no change of what waits for what.
    """
    before, after = _dependencies(one), _dependencies(other)
    kept = {pair for pair in before.keys() & after.keys() if _same_edges(before[pair], after[pair])}
    added = tuple(_edge(dependency) for pair, dependency in after.items() if pair not in kept)
    removed = tuple(_edge(dependency) for pair, dependency in before.items() if pair not in kept)
    return added, removed


def _dependencies(expansion: Expansion) -> dict[tuple[str, str], Dependency]:
    return {(d.upstream.task_id, d.downstream.task_id): d for d in expansion.dependencies}


def _same_edges(one: Dependency, other: Dependency) -> bool:
    if (one.upstream, one.downstream) == (other.upstream, other.downstream):
        return one.canonical() == other.canonical()
    single = any(max(d.upstream.number, d.downstream.number) <= 1 for d in (one, other))
    return single or one.kind == other.kind


def _edge(dependency: Dependency) -> Edge:
    single = max(dependency.upstream.number, dependency.downstream.number) <= 1
    return Edge(
        dependency.upstream.task_id, dependency.downstream.task_id, ALL if single else dependency.kind
    )


def _compare_states(one: Expansion, other: Expansion) -> tuple[tuple[str, str, str], ...]:
    before, after = one.states, other.states
    return tuple((k, was, after[k]) for k, was in before.items() if k in after and was != after[k])


# -- in words -----------------------------------------------------------------------------------------------


def describe(difference: Difference, *, most: int = MOST_LINES) -> list[str]:
    """
    Say what differs, a line for each; nothing if nothing does.

    Lines begin with `+` for what the second expansion only has, with `-` for what the first only has.

    Args:
        difference: What `compare` gave.
        most: How many lines of one kind to show; the rest is counted.
    """
    lines = []
    if difference.dag_ids[0] != difference.dag_ids[1]:
        lines.append("DAG {!r}, then {!r}".format(*difference.dag_ids))
    if difference.order_only:
        lines.append("order only: the same instances stand in another order")
    lines += _cut([f"+ task {name} ({_instances(count)})" for name, count in difference.added], most)
    lines += _cut([f"- task {name} ({_instances(count)})" for name, count in difference.removed], most)
    for task in difference.tasks:
        lines += _describe_task(task, most)
    lines += _cut([f"+ edge {edge}" for edge in difference.edges_added], most)
    lines += _cut([f"- edge {edge}" for edge in difference.edges_removed], most)
    return lines + _cut([f"{key}: {was}, then {now}" for key, was, now in difference.states], most)


def _describe_task(task: TaskDifference, most: int) -> list[str]:
    lines = []
    if task.counts[0] != task.counts[1]:
        lines.append(f"{task.task_id}: {_instances(task.counts[0])}, then {_show_count(task.counts[1])}")
    if task.mapped[0] != task.mapped[1]:
        lines.append(
            f"{task.task_id}: " + ("mapped, then not" if task.mapped[0] else "not mapped, then mapped")
        )
    lines += _cut([_describe_item("+", item) for item in task.added], most)
    lines += _cut([_describe_item("-", item) for item in task.removed], most)
    lines += _cut([_describe_change(change) for change in task.changed], most)
    if task.moved:
        pairs = fold((f"[{a}] to [{b}]" for a, b in task.moved), len(task.moved), most=most)
        how = "order only" if task.order_only else f"{count_of(len(task.moved), 'item')} moved"
        lines.append(f"{task.task_id}: {how}: {', '.join(pairs)}")
    return lines


def _describe_item(sign: str, item: Item) -> str:
    return f"{sign} {item.key} {describe_inputs(item.inputs)}".rstrip()


def _describe_change(change: InputChange) -> str:
    return f"{change.key}: {change.name} was {show(change.before)}, is {show(change.after)}"


def _cut(lines: list[str], most: int) -> list[str]:
    return fold(lines, len(lines), most=most)


def _instances(count: int | None) -> str:
    return "an unknown number of instances" if count is None else count_of(count, "instance")


def _show_count(count: int | None) -> str:
    return "?" if count is None else str(count)
