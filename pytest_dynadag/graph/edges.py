"""Dependencies between instances, kept symbolic: ten thousand by ten thousand cost nothing until counted out."""

# Source: _get_relevant_map_indexes, models/taskinstance.py (2.11.2 and 3.3.2): inside a shared mapped group an
# instance waits for its own index (or its block of a group that is mapped once more), everywhere else for all.

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_dynadag.graph.given import format_key
from pytest_dynadag.graph.structure import Group, Structure, Task

ALL, INDEX, BLOCK = "all", "index", "block"


@dataclass(frozen=True, slots=True)
class Nodes:
    """
    The nodes that one task has in an expansion.

    *count* is the number of indexed instances; None says that the task has one node without an index, written
    with *key*: a plain task, one that was never expanded, or `load[?]`.
    """

    task_id: str
    count: int | None
    key: str

    @property
    def number(self) -> int:
        """How many nodes there are."""
        return 1 if self.count is None else self.count

    def __iter__(self) -> Iterator[str]:
        return self.keys()

    def keys(self, indexes: range | None = None) -> Iterator[str]:
        """Give the keys of the nodes, or of those with one of *indexes*."""
        if self.count is None:
            yield self.key
        else:
            for index in range(self.count) if indexes is None else indexes:
                yield format_key(self.task_id, index)


@dataclass(frozen=True, slots=True)
class Dependency:
    """
    What the instances of one task wait for among those of another.

    *kind* is `all` (each for every one), `index` (each for the one of its own index, of *ancestors* instances
    of the shared group) or `block` (each for the block of instances that its index of the group became).
    """

    upstream: Nodes
    downstream: Nodes
    kind: str = ALL
    ancestors: int = 1

    def upstream_indexes(self, index: int | None) -> range | None:
        """Give the upstream indexes that the downstream instance *index* waits for; None means every node."""
        if self.kind == ALL or self.upstream.count is None or index is None or not self.downstream.count:
            return None
        position = index * self.ancestors // self.downstream.count
        width = 1 if self.kind == INDEX else self.downstream.count // self.ancestors
        start = position * width
        return range(min(start, self.upstream.count), min(start + width, self.upstream.count))

    def downstream_indexes(self, index: int | None) -> list[int] | None:
        """Give the downstream indexes that wait for the upstream instance *index*; None means every node."""
        if self.kind == ALL or self.downstream.count is None or index is None or self.upstream.count is None:
            return None
        candidates = range(self.downstream.count)
        if self.kind == INDEX and self.ancestors == self.downstream.count:
            candidates = range(index, min(index + 1, self.downstream.count))
        return [i for i in candidates if index in (self.upstream_indexes(i) or ())]

    @property
    def number(self) -> int:
        """How many edges this stands for."""
        if self.kind == ALL or self.upstream.count is None or self.downstream.count is None:
            return self.upstream.number * self.downstream.number
        if self.kind == INDEX and self.ancestors == self.downstream.count == self.upstream.count:
            return self.upstream.count
        return sum(len(self.upstream_indexes(index) or ()) for index in range(self.downstream.count))

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Give the edges one by one: (upstream key, downstream key)."""
        if self.downstream.count is None:
            yield from ((key, self.downstream.key) for key in self.upstream)
            return
        for index in range(self.downstream.count):
            key = format_key(self.downstream.task_id, index)
            yield from ((up, key) for up in self.upstream.keys(self.upstream_indexes(index)))

    def canonical(self) -> tuple[Any, ...]:
        """Give a form that is equal for equal edges, whichever way they came about."""
        single = self.upstream.number <= 1 and self.downstream.number <= 1
        kind, ancestors = (ALL, 1) if single or self.kind == ALL else (self.kind, self.ancestors)
        ends = (self.upstream.key, self.upstream.count, self.downstream.key, self.downstream.count)
        return (*ends, kind, ancestors)


def connect(
    structure: Structure, nodes: Mapping[str, Nodes], lengths: Mapping[str, int]
) -> tuple[Dependency, ...]:
    """
    Give the dependencies between all tasks of *structure*, in its order.

    Args:
        structure: The DAG as written.
        nodes: What each task became, by task id.
        lengths: The length of each mapped group, by group id.
    """
    found = []
    for task in structure.tasks:
        for upstream_id in task.upstream:
            kind, ancestors = ALL, 1
            if nodes[task.task_id].count:
                kind, ancestors = relate(structure, task, structure[upstream_id], lengths)
            found.append(Dependency(nodes[upstream_id], nodes[task.task_id], kind, ancestors))
    return tuple(found)


def relate(structure: Structure, task: Task, upstream: Task, lengths: Mapping[str, int]) -> tuple[str, int]:
    """Give which instances of *upstream* one of *task* waits for: see `Dependency`, *kind* and *ancestors*."""
    shared = shared_group(structure, task, upstream)
    if shared is None:
        return ALL, 1
    kind = BLOCK if is_mapped_again(structure, upstream, shared) else INDEX
    return kind, max(count_ancestors(structure, shared, lengths), 1)


def shared_group(structure: Structure, task: Task, upstream: Task) -> Group | None:
    """Give the innermost mapped group around both tasks; None if there is none."""
    around = {group.group_id for group in structure.mapped_groups_around(task)}
    return next((g for g in structure.mapped_groups_around(upstream) if g.group_id in around), None)


def is_mapped_again(structure: Structure, task: Task, shared: Group) -> bool:
    """Tell whether *task* is mapped once more between itself and the *shared* group."""
    inside = structure.mapped_groups_around(task)[0].group_id != shared.group_id
    return task.mapping is not None or inside


def count_ancestors(structure: Structure, group: Group, lengths: Mapping[str, int]) -> int:
    """Give how many instances a mapped group has: its own length times those of the mapped groups around it."""
    number = 1
    current: Group | None = group
    while current is not None:
        if current.mapping:
            number *= lengths.get(current.group_id, 0)
        current = structure.groups_by_id[current.parent] if current.parent else None
    return number
