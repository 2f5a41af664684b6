"""Expansion coverage: at which lengths, and with which ends, tests saw each mapped task and group."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_dynadag.graph.expansion import Expansion, TaskExpansion
from pytest_dynadag.graph.sources import Literal, MappingForm
from pytest_dynadag.graph.structure import Structure, Task

NONE, ONE, MANY, FAILED, SKIPPED = "none", "one", "many", "failed", "skipped"
SIGHTS = (NONE, ONE, MANY, FAILED, SKIPPED)
"""What there is to see: no instance, one, several; an index that fails, one that is skipped."""


@dataclass(frozen=True, slots=True)
class Covered:
    """
    What tests saw of one mapped task or group.

    *owner* is its id, *wanted* what there is to see (a list written in the DAG file has but one length), *seen*
    what was.
    """

    dag_id: str
    owner: str
    wanted: tuple[str, ...]
    seen: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {
            "dag_id": self.dag_id,
            "owner": self.owner,
            "wanted": list(self.wanted),
            "seen": list(self.seen),
        }


def measure(
    structures: Mapping[str, Structure], expansions: Iterable[tuple[str, Expansion]]
) -> tuple[Covered, ...]:
    """
    Tell what was seen of every mapped task and group.

    Args:
        structures: Every DAG's, by digest. Those of one DAG in several states of the metadata count as one.
        expansions: What was planned or run, each with the digest of its structure.
    """
    wanted: dict[tuple[str, str], set[str]] = {}
    seen: dict[tuple[str, str], set[str]] = {}
    for structure in structures.values():
        for owner, mapping in iterate_owners(structure):
            wanted.setdefault((structure.dag_id, owner), set()).update(find_sights(mapping))
    for digest, expansion in expansions:
        structure = structures[digest]
        for owner, _ in iterate_owners(structure):
            seen.setdefault((structure.dag_id, owner), set()).update(look(structure, owner, expansion))
    return tuple(
        Covered(*key, _order(sights), _order(sights & seen.get(key, set()))) for key, sights in wanted.items()
    )


def find_percent(covered: Iterable[Covered]) -> float:
    """Give the share of what there is to see that was seen, 0 to 100; 100 where nothing is mapped."""
    covered = list(covered)
    wanted = sum(len(one.wanted) for one in covered)
    return 100.0 * sum(len(one.seen) for one in covered) / wanted if wanted else 100.0


def iterate_owners(structure: Structure) -> Iterator[tuple[str, MappingForm]]:
    """Give every mapped task and group with what it is mapped over, groups first."""
    yield from ((group.group_id, group.mapping) for group in structure.groups if group.mapping)
    yield from ((task.task_id, task.mapping) for task in structure.tasks if task.mapping)


def find_sights(mapping: MappingForm) -> set[str]:
    """Give what there is to see of something mapped: of lists in the DAG file, the length that they have."""
    literals = [source for source in mapping.sources if isinstance(source, Literal)]
    if len(literals) < len(mapping.sources):
        return set(SIGHTS)
    number = math.prod(len(literal.value) for literal in literals)
    return {_name_length(number), *((FAILED, SKIPPED) if number else ())}


def look(structure: Structure, owner: str, expansion: Expansion) -> set[str]:
    """Tell what one expansion shows of a mapped task or group."""
    sights: set[str] = set()
    for task in _find_tasks(structure, owner):
        became = expansion.by_id.get(task.task_id)
        if became is None or became.count is None:
            continue
        if became.count:
            sights |= {_name_length(became.count), *({FAILED, SKIPPED} & set(became.states))}
        elif _is_empty(structure, owner, became, expansion):
            sights.add(NONE)
    return sights


def _find_tasks(structure: Structure, owner: str) -> Sequence[Task]:
    """Give the task itself, or the tasks whose number of instances the group decides."""
    if owner in structure.by_id:
        return (structure[owner],)
    return [t for t in structure.tasks if [name for name, _ in structure.mappings_of(t)][:1] == [owner]]


def _is_empty(structure: Structure, owner: str, became: TaskExpansion, expansion: Expansion) -> bool:
    """Tell a source of length 0 from one that failed or was skipped itself."""
    sources = [expansion.by_id.get(name) for name in structure.sources.get(owner, ())]
    return became.state == SKIPPED and all(source is None or source.state == "success" for source in sources)


def _name_length(number: int) -> str:
    return (NONE, ONE)[number] if number < 2 else MANY


def _order(sights: set[str]) -> tuple[str, ...]:
    return tuple(sight for sight in SIGHTS if sight in sights)
