"""An expansion as a small HTML table, for notebooks: a line per task, its instances to be opened below it."""

# Here and not in render/: IPython looks for `_repr_html_` on the value itself, and graph stands below render.
# Self-contained, without script, in the notebook's own colors.

from __future__ import annotations

from collections.abc import Iterator
from html import escape as escape_html
from typing import Protocol

from pytest_dynadag import printable
from pytest_dynadag.graph.edges import BLOCK, INDEX
from pytest_dynadag.graph.expansion import Expansion, Instance, TaskExpansion
from pytest_dynadag.graph.text import count_of, describe_inputs, describe_label, describe_states

MOST_INSTANCES = 100
"""Of one task; of more the first ones are shown, and how many more there are."""

_WAYS = {INDEX: " (same index)", BLOCK: " (same block)"}
_HEADINGS = ("task", "instances", "state", "after")


def to_html(expansion: Expansion, *, title: str = "", most: int = MOST_INSTANCES) -> str:
    """
    Write *expansion* as a table in HTML.

    Args:
        expansion: Planned or observed.
        title: What stands above the table; the DAG and its size if empty.
        most: How many instances of a task to list.
    """
    size = f"{count_of(len(expansion.tasks), 'task')}, {count_of(len(expansion), 'instance')}"
    upstream: dict[str, list[str]] = {task.task_id: [] for task in expansion}
    for dependency in expansion.dependencies:
        name = f"{dependency.upstream.task_id}{_WAYS.get(dependency.kind, '')}"
        upstream[dependency.downstream.task_id].append(name)
    rows = "".join(_write_task(task, upstream[task.task_id], most) for task in expansion)
    headings = "".join(f'<th style="text-align:left">{name}</th>' for name in _HEADINGS)
    return (
        f"<div><strong>{escape(title or f'{expansion.dag_id}: {size}')}</strong>"
        f"<table><thead><tr>{headings}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def escape(text: str) -> str:
    """Write *text* so that a page shows all of it: no markup, nothing that cannot be seen."""
    return escape_html(printable.escape(text))


class Picture(Protocol):
    """What can be shown in every form."""

    def to_text(self) -> str:
        """Write it for people."""

    def to_mermaid(self) -> str:
        """Write it as a Mermaid flowchart."""

    def _repr_html_(self) -> str: ...


def bundle(picture: Picture) -> dict[str, str]:
    """Give every form that a notebook may show of *picture*, by MIME type."""
    return {
        "text/plain": picture.to_text(),
        "text/html": picture._repr_html_(),
        "text/vnd.mermaid": picture.to_mermaid(),
    }


def _write_task(task: TaskExpansion, upstream: list[str], most: int) -> str:
    waits = ", ".join(upstream) + (f": {task.reason}" if task.reason else "")
    count = "?" if task.count is None else str(task.count)
    cells = (_write_name(task, most), escape(count), escape(describe_states(task)), escape(waits))
    return f"<tr>{''.join(f'<td style={_LEFT}>{cell}</td>' for cell in cells)}</tr>"


_LEFT = '"text-align:left;vertical-align:top"'


def _write_name(task: TaskExpansion, most: int) -> str:
    name = escape(task.task_id)
    if not task.mapped or not task.count:
        return name
    items = "".join(_write_instances(task, most))
    return f"<details><summary>{name}</summary><ol start=0>{items}</ol></details>"


def _write_instances(task: TaskExpansion, most: int) -> Iterator[str]:
    mixed = len(set(task.states)) > 1
    for index in range(min(task.count or 0, most)):
        yield f"<li>{escape(_describe(task[index], mixed=mixed))}</li>"
    if (task.count or 0) > most:
        yield f"<li>... {(task.count or 0) - most} more</li>"


def _describe(instance: Instance, *, mixed: bool) -> str:
    label = f"{known}: " if (known := describe_label(instance)) else ""
    state = f" ({instance.state})" if mixed else ""
    return f"{label}{describe_inputs(instance.inputs)}{state}"
