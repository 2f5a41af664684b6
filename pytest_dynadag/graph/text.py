"""An expansion as text for people: a line per task, its instances below, long lists folded."""

# Here and not in render/: `Expansion.to_text()` needs it, and graph stands below render.

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_dynadag.graph.canonical import describe_object
from pytest_dynadag.graph.edges import BLOCK, INDEX
from pytest_dynadag.graph.expansion import Expansion, Instance, TaskExpansion
from pytest_dynadag.printable import escape, shorten

MOST_INSTANCES = 20
"""Of one task; more are folded to the first, the last and how many stand between them."""
WIDEST_VALUE = 80
"""Characters of one value."""
LONGEST_LABEL = 160
"""Characters of one label."""

_FORK, _END, _GUIDE, _SPACE = "├── ", "└── ", "│   ", "    "
_WAYS = {INDEX: " (same index)", BLOCK: " (same block)"}


def to_text(expansion: Expansion, *, title: str = "", most: int = MOST_INSTANCES) -> str:
    """
    Write *expansion* for people, as a tree: plain text without colour, tasks in its order.

    A task shows how many instances it has, how they end and what it waits for; an instance its index and its
    label, or its inputs where it has none. Findings stand below.

    Args:
        expansion: Planned or observed.
        title: What stands in front of the size; the DAG if empty.
        most: How many instances of a task to list before they are folded.
    """
    upstreams = _list_upstreams(expansion)
    rows = [(t.task_id, _count(t), describe_states(t), _wait(t, upstreams[t.task_id])) for t in expansion]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    branches = [
        (_align(row, widths), _describe_instances(task, most))
        for row, task in zip(rows, expansion, strict=True)
    ]
    lines = [_headline(expansion, title), *_draw_tree(branches)]
    lines += [f"  {line}" for finding in expansion.findings for line in str(finding).splitlines()]
    return "\n".join(lines)


def describe_inputs(inputs: Mapping[str, Any]) -> str:
    """Write the inputs of an instance in one line: `region='eu', day=1`."""
    return ", ".join(f"{escape(name)}={show(value)}" for name, value in inputs.items())


def describe_label(instance: Instance) -> str:
    """Write the label of an instance in one line of bearable length; empty where it has none that is known."""
    return escape(shorten(instance.label, LONGEST_LABEL)) if isinstance(instance.label, str) else ""


def describe_states(task: TaskExpansion) -> str:
    """Say how the instances of *task* end: one state, or each with how many there are."""
    numbers = Counter(task.states)
    if len(numbers) <= 1:
        return task.state
    return ", ".join(f"{number} {state}" for state, number in numbers.most_common())


def show(value: Any) -> str:
    """Write a value in one line of bearable length, without what differs between processes."""
    text = escape(" ".join(describe_object(value).split()))
    return text if len(text) <= WIDEST_VALUE else f"{text[: WIDEST_VALUE - 3]}..."


def count_of(number: int, noun: str) -> str:
    """Write a number with its noun: `1 task`, `2 tasks`."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def fold(lines: Sequence[str] | Iterator[str], number: int, *, most: int) -> list[str]:
    """Cut *lines*, of which there are *number*, to *most* and say how many more there are."""
    shown = [line for _, line in zip(range(most), lines, strict=False)]
    return [*shown, f"... {number - most} more"] if number > most else shown


def _align(row: Sequence[str], widths: Sequence[int]) -> str:
    name, count, states, waits = row
    return f"{name:<{widths[0]}}  {count:>{widths[1]}}  {states:<{widths[2]}}  {waits}".rstrip()


def _draw_tree(branches: Sequence[tuple[str, Sequence[str]]]) -> Iterator[str]:
    """Draw each text with its leaves below it, in the style of rich."""
    for number, (text, leaves) in enumerate(branches, 1):
        last = number == len(branches)
        yield f"{_END if last else _FORK}{text}"
        for position, leaf in enumerate(leaves, 1):
            yield f"{_SPACE if last else _GUIDE}{_END if position == len(leaves) else _FORK}{leaf}"


def _headline(expansion: Expansion, title: str) -> str:
    parts = (
        count_of(len(expansion.tasks), "task"),
        count_of(len(expansion), "instance"),
        count_of(expansion.edge_count, "edge"),
    )
    return f"{title or expansion.dag_id}: {', '.join(parts)}"


def _count(task: TaskExpansion) -> str:
    return "?" if task.count is None else str(task.count)


def _list_upstreams(expansion: Expansion) -> dict[str, list[str]]:
    """Give what each task waits for, in words."""
    found: dict[str, list[str]] = {task.task_id: [] for task in expansion}
    for dependency in expansion.dependencies:
        way = _WAYS.get(dependency.kind, "")
        found[dependency.downstream.task_id].append(f"{dependency.upstream.task_id}{way}")
    return found


def _wait(task: TaskExpansion, upstreams: list[str]) -> str:
    """Say what the task waits for, and why it is not expanded if it is not."""
    waits = f"after {', '.join(upstreams)}" if upstreams else ""
    return ": ".join(part for part in (waits, task.reason) if part)


def _describe_instances(task: TaskExpansion, most: int) -> list[str]:
    if not task.mapped or not task.count:
        return []
    mixed = len(set(task.states)) > 1
    if task.count <= most:
        return [_describe_instance(instance, mixed) for instance in task]
    first, last = (_describe_instance(task[index], mixed) for index in (0, task.count - 1))
    return [first, f"... {task.count - 2} more", last]


def _describe_instance(instance: Instance, mixed: bool) -> str:
    name = describe_label(instance) or describe_inputs(instance.inputs)
    state = f"  ({instance.state})" if mixed else ""
    return f"[{instance.index}] {name}".rstrip() + state
