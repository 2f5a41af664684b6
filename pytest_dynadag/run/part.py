"""A part of a DAG: which tasks run, what they need from outside, and the DAG object that has no others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from pytest_dynadag.errors import GivenError, MissingGivenError, UnknownNameError
from pytest_dynadag.graph.given import Given
from pytest_dynadag.graph.structure import Structure
from pytest_dynadag.location import Location


class MissingForPartError(MissingGivenError):
    """Outputs that a part of a DAG needs, and that are neither given nor made by the part."""

    what = "run a part of {dag_id!r}"
    otherwise = "run more of the DAG"


References = Callable[[str], Iterable[str]]
"""Gives the ids of the tasks whose outputs a task takes as arguments."""


def choose(structure: Structure, only: Iterable[str] | None, until: str | None) -> frozenset[str]:
    """
    Give the ids of the tasks that are to run: those named by *only*, and *until* with all that it waits for.

    Raises:
        UnknownNameError: There is no such task; the nearest are named.
    """
    named = (only,) if isinstance(only, str) else tuple(only or ())
    for task_id in (*named, *((until,) if until else ())):
        if task_id not in structure.by_id:
            raise UnknownNameError("task", task_id, structure.by_id, where=f"DAG {structure.dag_id!r}")
    return frozenset(named) | ({until, *structure.above(until)} if until else frozenset())


def complete(
    structure: Structure, chosen: frozenset[str], given: Given, references: References
) -> frozenset[str]:
    """
    Add to the *chosen* tasks those outside whose outputs they need, which must be given.

    What only has to come before is left out: a part does not wait for it. Of a task that is given and mapped, what it
    is mapped over is needed too: that says how many instances it has.

    Raises:
        MissingForPartError: Outputs that are needed are not given; all are listed.
        GivenError: An output is given that the part does not need.
    """
    needs: dict[str, list[tuple[str, Location | None]]] = {}
    waiting = [(task_id, (*references(task_id), *_mapped_over(structure, task_id))) for task_id in chosen]
    while waiting:
        task_id, sources = waiting.pop()
        for source in dict.fromkeys(sources):
            if source in chosen:
                continue
            if source not in needs:
                waiting.append((source, _mapped_over(structure, source)))
            needs.setdefault(source, []).append((task_id, structure.location_of(task_id)))
    missing = {task_id: needs[task_id] for task_id in sorted(needs) if task_id not in given.task_ids}
    if missing:
        raise MissingForPartError(structure.dag_id, missing)
    for task_id in given.task_ids:
        if task_id not in needs and task_id not in chosen:
            why = "the part that runs does not need it"
            raise GivenError(structure.dag_id, task_id, why, next_step="leave it out, or run more of the DAG")
    return chosen | frozenset(needs)


def _mapped_over(structure: Structure, task_id: str) -> tuple[str, ...]:
    owners: Mapping[str, tuple[str, ...]] = structure.sources
    named = [owner for owner, _ in structure.mappings_of(structure[task_id])]
    return tuple(source for owner in named for source in owners.get(owner, ()))
