"""What pytest says of a comparison that fails: added, removed, moved, changed, instead of two long reprs."""

# As everywhere in pytest, `+` is what the left side has and `-` what the right side has: `assert got == expected`.

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

    from pytest_dynadag.graph.expansion import Counts, Expansion

LEGEND = "from right to left (+ only left, - only right):"


def explain_comparison(config: pytest.Config, operator: str, left: Any, right: Any) -> list[str] | None:
    """
    Give the lines that pytest shows for a failed `left == right`; None for what is not ours.

    The first line is the summary behind `assert`.
    """
    if operator != "==" or "pytest_dynadag.graph.expansion" not in sys.modules:
        return None
    lines = _explain(left, right, config.rootpath)
    if lines is None:
        return None
    summary, *rest = lines
    return [summary, *color(rest, config.get_terminal_writer().markup)]


def color(lines: Iterable[str], markup: Callable[..., str]) -> list[str]:
    """Color what was added and removed, if the terminal has colors."""
    colors = {"+": {"green": True}, "-": {"red": True}}
    return [markup(line, **colors.get(line.lstrip()[:1], {})) for line in lines]


def _explain(left: Any, right: Any, root: Path) -> list[str] | None:
    from pytest_dynadag.graph.expansion import Counts, Expansion, Inputs
    from pytest_dynadag.graph.structure import Structure

    if isinstance(left, Expansion) and isinstance(right, Expansion):
        return explain_expansions(left, right)
    if isinstance(left, Structure) and isinstance(right, Structure):
        return _explain_structures(left, right)
    if all(isinstance(getattr(side, "expansion", side), Expansion) for side in (left, right)):
        return _explain_runs(left, right)
    for got, expected in ((left, right), (right, left)):
        if isinstance(got, Counts) and isinstance(expected, Mapping):
            return _summarize(left, right, explain_counts(got, expected))
        if isinstance(got, Inputs) and _is_inputs(expected):
            return _summarize(left, right, [LEGEND, *_compare_inputs(got.task_id, right, left)])
        if _is_snapshot(expected):
            return _explain_snapshot(expected, got, root)
    return None


def _summarize(left: Any, right: Any, lines: Iterable[str]) -> list[str]:
    from pytest_dynadag.graph.text import show

    return [f"{show(left)} == {show(right)}", *lines]


def explain_expansions(left: Expansion, right: Expansion) -> list[str]:
    """Say how two expansions differ, in tasks, instances, inputs, order and edges."""
    from pytest_dynadag.graph.diff import describe

    return [f"{left!r} == {right!r}", LEGEND, *describe(right.diff(left))]


def _explain_runs(left: Any, right: Any) -> list[str]:
    """Say how what runs became differs, and that nothing but that can be equal: a run took its time."""
    _, *lines = explain_expansions(*(getattr(side, "expansion", side) for side in (left, right)))
    differences = lines if len(lines) > 1 else ["their expansions are equal"]
    return [f"{left!r} == {right!r}", "to compare what a run became, write run.expansion", *differences]


def _explain_structures(left: Any, right: Any) -> list[str]:
    from pytest_dynadag.render.changes import describe_changes
    from pytest_dynadag.render.snapshot import write_snapshot

    lines = describe_changes(write_snapshot(right), write_snapshot(left))
    lines = (
        [LEGEND, *lines] if lines else ["they differ in what a snapshot leaves out: compare their to_dict()"]
    )
    return [f"{left!r} == {right!r}", *lines]


def explain_counts(got: Counts, expected: Mapping[Any, Any]) -> list[str]:
    """Say which task has another number of instances than expected, which is missing, which was not expected."""
    from pytest_dynadag.errors import suggest
    from pytest_dynadag.graph.text import show

    lines = [
        f"{task_id}: expected {show(number)}, got {'?' if got[task_id] is None else got[task_id]}"
        for task_id, number in expected.items()
        if task_id in got and got[task_id] != number
    ]
    lines += [
        f"- {task_id}: there is no such task; {suggest(str(task_id), got)}"
        for task_id in expected
        if task_id not in got
    ]
    return lines + [
        f"+ {task_id}: {n}, not expected" for task_id, n in got.items() if task_id not in expected
    ]


def _is_inputs(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(item, Mapping) for item in value)


def _compare_inputs(task_id: str, before: Sequence[Any], after: Sequence[Any]) -> list[str]:
    from pytest_dynadag.graph.diff import compare, describe
    from pytest_dynadag.graph.expansion import Expansion, TaskExpansion

    one, other = (
        Expansion("", (TaskExpansion(task_id, len(inputs), True, ("success",), list(inputs)),))
        for inputs in (before, after)
    )
    difference = compare(one, other)
    return [line for line in describe(difference) if not line.startswith("order only")]


# -- snapshots ----------------------------------------------------------------------------------------------


def _is_snapshot(value: Any) -> bool:
    """Tell whether *value* is what the fixture `dynadag_snapshot` gives; its module is loaded if there is one."""
    extension = sys.modules.get("pytest_dynadag.plugin.snapshot_extension")
    kind = getattr(value, "extension_class", None)
    return (
        extension is not None
        and isinstance(kind, type)
        and issubclass(kind, extension.DynadagSnapshotExtension)
    )


def _explain_snapshot(assertion: Any, received: Any, root: Path) -> list[str] | None:
    from pytest_dynadag.plugin.case_snapshots import describe_mismatch, shorten
    from pytest_dynadag.plugin.snapshot import find_result

    result = find_result(assertion)
    if result is None:
        return None  # syrupy says what went wrong
    shown = shorten(Path(result.snapshot_location), root)
    return [
        f"{received!r} == dynadag_snapshot",
        *describe_mismatch(shown, result.recalled_data, result.asserted_data),
    ]
