"""Sizes: what a structure becomes when its run-time sources are empty, single, few or many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pytest_dynadag.graph.expansion import UNKNOWN, Expansion
from pytest_dynadag.graph.given import Given
from pytest_dynadag.graph.planner import Labeller, plan
from pytest_dynadag.graph.structure import Structure

LENGTHS = (0, 1, 2, 5)
"""Nothing, one (where a scalar is easily taken for a list), a few, and more than a few."""

_OTHERS = 2
"""How long the other sources are while one is varied: long enough to see a product."""


def plan_sizes(
    structure: Structure,
    lengths: Iterable[int] = LENGTHS,
    *,
    given: Given | None = None,
    label: Labeller | None = None,
) -> dict[str, Expansion]:
    """
    Plan *structure* for every combination of lengths worth looking at.

    Args:
        structure: The DAG as written.
        lengths: How long each run-time source is made, one source at a time while the others have two items.
        given: What else a run would know; sources given there are not varied.
        label: See `plan`.

    Returns:
        Name to expansion: `list_regions=0`, and so on; with several sources also `all=0` and so on. A DAG
        without run-time sources has one plan, `as written`.
    """
    given = given or Given()
    sources = [source for source in runtime_sources(structure) if source not in given.outputs]
    lengths = tuple(lengths)
    wanted: dict[str, dict[str, int]] = {}
    for source in sources:
        wanted.update({f"{source}={n}": {**dict.fromkeys(sources, _OTHERS), source: n} for n in lengths})
    if len(sources) > 1:
        wanted.update({f"all={n}": dict.fromkeys(sources, n) for n in lengths})
    return {
        name: plan(structure, _with_lengths(structure, given, sized), strict=False, label=label)
        for name, sized in (wanted or {"as written": {}}).items()
    }


def runtime_sources(structure: Structure) -> tuple[str, ...]:
    """Give the plain tasks whose outputs decide a length at run time, in the structure's order."""
    return tuple(
        task.task_id
        for task in structure.tasks
        if task.task_id in structure.mapped_over and not structure.is_mapped(task)
    )


def _with_lengths(structure: Structure, given: Given, lengths: Mapping[str, int]) -> Given:
    """Give every source items that nothing is known about, of a mapped one an output per instance."""
    mapped = [t.task_id for t in structure.tasks if t.task_id in structure.mapped_over and t.mapping]
    outputs: dict[str, Any] = dict.fromkeys(mapped, lambda inputs: UNKNOWN)
    outputs.update({source: [UNKNOWN] * length for source, length in lengths.items()})
    return Given({**outputs, **given.outputs}, given.keyed, given.params, given.conf, given.max_map_length)
