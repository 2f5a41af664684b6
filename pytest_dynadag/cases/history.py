"""Histories: what a run left, written as a case, so that tomorrow's DAG is planned against what really happened."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from typing import Any

from pytest_dynadag.graph.given import parse_key
from pytest_dynadag.graph.structure import Structure, Task
from pytest_dynadag.render.hiding import hide
from pytest_dynadag.render.values import ValueWriter
from pytest_dynadag.run.runner import Run

DECIDED = ("failed", "skipped")
"""How an instance may end by what it does itself, other than in success."""

_WIDTH = 110


class _UnwritableError(Exception):
    """A value that YAML, as case files have it, has no words for; *kind* is its type."""

    def __init__(self, value: object) -> None:
        self.kind = type(value).__qualname__
        super().__init__(self.kind)


def gather_given(structure: Structure, run: Run) -> dict[str, Any]:
    """
    Give the outputs that decided what a run became: of what is mapped over, and of what chooses which tasks run.

    Args:
        structure: Of the DAG that was run.
        run: What it did.

    Returns:
        Outputs by task id, of a mapped task a list; by instance key where not all its instances have one.
    """
    given: dict[str, Any] = {}
    for task in structure.tasks:
        if task.task_id not in structure.mapped_over and not task.skips:
            continue
        seen = run.expansion.by_id[task.task_id]
        outputs = {each.key: _recall(task, run, each.key) for each in seen if each.state == "success"}
        whole = seen.mapped and len(outputs) == seen.count
        given |= {task.task_id: list(outputs.values())} if whole else outputs
    return given


def gather_states(run: Run) -> dict[str, str]:
    """Give how instances ended that failed or skipped themselves, by instance key."""
    executed = {each.key for each in run.observation.instances if each.try_number > 0}
    instances = (each for each in run.expansion.instances if each.state in DECIDED)
    return {each.key: each.state for each in instances if each.key in executed}


def write_case(structure: Structure, run: Run, name: str) -> str:
    """
    Write a run as a case for a case file: what decided, and how many instances came of it.

    Secrets are hidden. An output that a case file cannot hold is left out, and a comment says so.

    Args:
        structure: Of the DAG that was run.
        run: What it did.
        name: Of the case.

    Returns:
        A case file with the one case.
    """
    import yaml

    given, left_out = _split_writable(gather_given(structure, run))
    ends = {each.task_id: each.count if each.mapped and each.count else each.state for each in run.expansion}
    expected = {task_id: end for task_id, end in ends.items() if task_id not in given} or ends
    case = {"given": given, "states": gather_states(run), "expect": expected}
    document = {"dag": run.dag_id, "cases": {name: {part: found for part, found in case.items() if found}}}
    hidden = hide(document, ValueWriter(secrets=run.secrets).clean)
    notes = [
        f"# the output of {key} is left out: a case file cannot hold a {kind}\n" for key, kind in left_out
    ]
    text = yaml.safe_dump(hidden, sort_keys=False, allow_unicode=True, default_flow_style=None, width=_WIDTH)
    return "".join(notes) + text


def _recall(task: Task, run: Run, key: str) -> Any:
    """Give what an instance left; of a branch that keeps no output what it followed (it skips by an exception there)."""
    if key in run.xcoms or not task.skips:
        return run.xcoms.get(key)
    if task.skips != "branch":
        return False
    task_id, index = parse_key(key)
    found = run.observation.xcoms.get((task_id, -1 if index is None else index, "skipmixin_key"), {})
    return found.get("followed")


def _split_writable(given: Mapping[str, Any]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Give what a case file can hold, and the rest as pairs of key and type."""
    writable, rest = {}, []
    for key, value in given.items():
        try:
            writable[key] = _write_plainly(value)
        except _UnwritableError as error:
            rest.append((key, error.kind))
    return writable, rest


def _write_plainly(value: Any) -> Any:
    """Give a value as a case file has it: tuples are lists, days and moments texts."""
    if value is None or type(value) in {bool, int, float, str}:
        return value
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, (list, tuple)):
        return [_write_plainly(item) for item in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _write_plainly(item) for key, item in value.items()}
    raise _UnwritableError(value)
