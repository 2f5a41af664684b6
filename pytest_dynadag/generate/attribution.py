"""Where a difference comes from when trying the lines one by one does not tell: comparing, and saying that it is a guess."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_dynadag.generate.comparison import ABSENT, Change

Site = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Place:
    """
    A line that makes a difference.

    Attributes:
        site: The line.
        outer: The line of the DAG file that led there.
        is_guess: Whether it was found by comparison, not by trying.
        seen: By dag_id, whether Airflow's own hash notices what this line alone does.
    """

    site: Site
    outer: Site | None = None
    is_guess: bool = False
    seen: Mapping[str, bool | None] | None = None


def choose_guess(
    changes: Iterable[Change], sites: Mapping[Site, Site], *, files: Iterable[str]
) -> dict[str, Place]:
    """Give, by pointer, the line that a change most likely comes from: the only one that asked, or a set that has the values."""
    if len(sites) == 1:
        site, outer = next(iter(sites.items()))
        return {change.pointer: Place(site, outer, is_guess=True) for change in changes}
    written = [entry for file in files for entry in list_sets(Path(file))]
    found = {}
    for change in changes:
        values = set(_iterate_texts([change.baseline, change.changed]))
        best = max(written, key=lambda entry: len(values & entry[1]), default=None)
        if best and values & best[1]:
            found[change.pointer] = Place(best[0], is_guess=True)
    return found


def list_sets(path: Path) -> list[tuple[Site, frozenset[Any]]]:
    """Give the line and the constants of each set that is written in a file."""
    if path.suffix != ".py":
        return []
    found = []
    for node in ast.walk(ast.parse(path.read_bytes())):
        is_call = (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in {"set", "frozenset"}
        )
        if isinstance(node, (ast.Set, ast.SetComp)) or is_call:
            constants = frozenset(inner.value for inner in ast.walk(node) if isinstance(inner, ast.Constant))
            found.append(((str(path), node.lineno), constants))  # type: ignore[attr-defined]
    return found


def locate_in_structure(change: Change, *parses: Mapping[str, Any]) -> Place | None:
    """Give the line where the task, the group or the DAG that differs is written."""
    parts = change.parts
    for parsed in parses:
        dag = parsed["dags"].get(change.dag_id)
        if dag is None:
            continue
        place = _find(dag["structure"], parts) or dag["structure"]["location"]
        if place:
            return Place((place["file"], place["line"]), is_guess=True)
    return None


def _find(structure: Mapping[str, Any], parts: tuple[str, ...]) -> Any:
    if len(parts) < 4:
        return None
    key = {"tasks": "task_id", "groups": "group_id"}.get(parts[2])
    entries = structure.get(parts[2], []) if key else []
    return next((entry.get("location") for entry in entries if entry[key] == parts[3]), None)


def _iterate_texts(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _iterate_texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _iterate_texts(item)
    elif value != ABSENT and value is not None:
        yield value
