"""What changed between two snapshots, in words: read from their texts alone."""

# The file that a snapshot is compared with is text, possibly of another day and another Airflow: so both sides are
# read as text. Plans and runs are read back into expansions, so that `graph.diff` tells moved from changed;
# whatever cannot be read is shown as lines.

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pytest_dynadag.graph.diff import compare, describe
from pytest_dynadag.graph.edges import Dependency, Nodes
from pytest_dynadag.graph.expansion import Expansion, TaskExpansion
from pytest_dynadag.graph.text import fold
from pytest_dynadag.render.snapshot import TITLE

MOST_LINES = 10
"""Of one kind and task in a description; the rest is counted."""

_NAME = r'"(?:[^"\\]|\\.)*"|[^\s:="]+'
_ENTRY = re.compile(rf"(?P<name>(?:{_NAME})(?: -> (?:{_NAME}))?)(?:: (?P<head>.*))?")
_ARGUMENT = re.compile(rf"(?P<name>{_NAME})=(?P<value>.*)")
_FOLDED = re.compile(r"\.\.\. \d+ more, \w+")


class _UnreadableError(Exception):
    """The text is no snapshot of this format."""


class Written(str):
    """A value as it stands in a snapshot: shown as it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


@dataclass
class Entry:
    """A named line of a section, what stands behind its name, and the indented lines below it."""

    name: str
    head: str
    rows: list[str] = field(default_factory=list)


@dataclass
class Page:
    """A snapshot as read: the lines of its head, and its sections by name, each with its entries by name."""

    head: list[str]
    sections: dict[str, dict[str, Entry]]

    @property
    def kind(self) -> str:
        """What it is a snapshot of: `plan`, `run` or `structure`."""
        return self.head[2].partition(":")[0]


def describe_changes(before: str, after: str, *, most: int = MOST_LINES) -> list[str]:
    """
    Say what changed from one snapshot to another, a line for each; nothing if nothing did.

    Lines begin with `+` for what the second only has, with `-` for what the first only has.

    Args:
        before: The text of a snapshot.
        after: The text of another, of the same DAG.
        most: How many lines of one kind to show; the rest is counted.
    """
    if before == after:
        return []
    try:
        lines = _describe_pages(_read(before), _read(after), most)
    except _UnreadableError:
        lines = []
    return lines or _describe_lines(before, after, most)


def _describe_lines(before: str, after: str, most: int) -> list[str]:
    """Fall back to the lines themselves."""
    changes = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    lines = [f"{line[0]} {line[1:]}" for line in changes if not line.startswith(("---", "+++", "@@"))]
    return fold(lines, len(lines), most=2 * most)


def _read(text: str) -> Page:
    head, *rest = text.rstrip("\n").split("\n\n")
    page = Page(head.splitlines(), {})
    if len(page.head) < 3 or page.head[0] != TITLE:
        raise _UnreadableError(text)
    for block in rest:
        title, *lines = block.splitlines() or [""]
        page.sections[title.strip("[]")] = {entry.name: entry for entry in _read_entries(lines)}
    return page


def _read_entries(lines: Iterable[str]) -> Iterator[Entry]:
    entry: Entry | None = None
    for line in lines:
        if entry and line.startswith("  "):
            entry.rows.append(line[2:])
            continue
        if entry:
            yield entry
        match = _ENTRY.fullmatch(line)
        if match is None:
            raise _UnreadableError(line)
        entry = Entry(match["name"], match["head"] or "")
    if entry:
        yield entry


def _describe_pages(before: Page, after: Page, most: int) -> list[str]:
    lines = [f"{was}, then {now}" for was, now in zip(before.head, after.head, strict=False) if was != now]
    lines += [f"{sign} {line}" for sign, line in _describe_extra(before.head, after.head)]
    if "structure" in {before.kind, after.kind}:
        return lines + _describe_sections(before, after, most)
    one, other = _to_expansion(before, after), _to_expansion(after, before)
    return lines + describe(compare(one, other, states=True), most=most) + _describe_folded(before, after)


def _describe_extra(before: list[str], after: list[str]) -> list[tuple[str, str]]:
    """Give the last lines of a head that is longer than the other: the digest of a given."""
    removed = [("-", line) for line in before[len(after) :]]
    return removed + [("+", line) for line in after[len(before) :]]


# -- plans and runs -----------------------------------------------------------------------------------------


def _to_expansion(page: Page, other: Page) -> Expansion:
    """Read a plan or a run; a task that is folded in this or the *other* page is taken for a plain one."""
    folded = _find_folded(page) | _find_folded(other)
    tasks = [_to_task(entry, folded) for entry in page.sections.get("tasks", {}).values()]
    nodes = {task.task_id: task.nodes for task in tasks}
    dependencies = (_to_dependency(entry, nodes) for entry in page.sections.get("dependencies", {}).values())
    return Expansion("", tuple(tasks), tuple(dependencies))


def _find_folded(page: Page) -> set[str]:
    tasks = page.sections.get("tasks", {}).values()
    return {task.name for task in tasks if any(map(_FOLDED.fullmatch, task.rows))}


def _to_task(entry: Entry, folded: set[str]) -> TaskExpansion:
    if entry.name in folded:
        return TaskExpansion(entry.name, 1, False, ("folded",))
    parts = [part for part in entry.head.split(", ") if part]
    mapped = bool(parts) and parts[0].endswith(" mapped")
    count = _read_count(parts.pop(0).removesuffix(" mapped")) if mapped else 1
    rows = [_read_row(row) for row in entry.rows]
    mixed = tuple(state for _, state in rows)
    states = mixed if all(mixed) and mixed else (parts[0] if parts else "success",)
    return TaskExpansion(entry.name, count, mapped, states, [inputs for inputs, _ in rows])


def _read_count(text: str) -> int | None:
    if text != "?" and not text.isdigit():
        raise _UnreadableError(text)
    return None if text == "?" else int(text)


def _read_row(row: str) -> tuple[Mapping[str, Written], str]:
    """Read the line of an instance: its inputs, the label among them, and its state where one is written."""
    inputs: dict[str, Written] = {}
    tokens = split_tokens(row)
    place = next((i for i, token in enumerate(tokens) if token.startswith("#")), len(tokens))
    for token in tokens[:place]:
        match = _ARGUMENT.fullmatch(token)
        inputs[match["name"] if match else "label"] = Written(match["value"] if match else token)
    return inputs, "".join(tokens[place + 1 :])


def split_tokens(row: str) -> list[str]:
    """Split a line at its spaces, but not at those inside quotes and brackets."""
    tokens, start, depth, quoted, escaped = [], 0, 0, False, False
    for position, character in enumerate(row):
        if quoted:
            quoted = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            quoted = True
        elif character in "([{<":
            depth += 1
        elif character in ")]}>":
            depth -= 1
        elif character == " " and depth == 0:
            tokens.append(row[start:position])
            start = position + 1
    return [*tokens, row[start:]]


def _to_dependency(entry: Entry, nodes: Mapping[str, Nodes]) -> Dependency:
    upstream, _, downstream = entry.name.partition(" -> ")
    if upstream not in nodes or downstream not in nodes:
        raise _UnreadableError(entry.name)
    return Dependency(nodes[upstream], nodes[downstream], entry.head)


def _describe_folded(before: Page, after: Page) -> list[str]:
    """Say of each task with folded instances what can be told: how many, how they end, the first and the last."""
    one, other = before.sections.get("tasks", {}), after.sections.get("tasks", {})
    lines = []
    for name in sorted((_find_folded(before) | _find_folded(after)) & one.keys() & other.keys()):
        was, now = one[name], other[name]
        if was.head != now.head:
            lines.append(f"{name}: was {was.head}, is {now.head}")
        elif was.rows != now.rows:
            lines.append(f"{name}: instances changed; most are folded in the snapshot")
        if was.rows and now.rows and was.head.split(", ")[1:] == now.head.split(", ")[1:]:
            ends = ((was.rows[place], now.rows[place]) for place in (0, -1))
            lines += [line for a, b in ends if a != b for line in (f"- {name} {a}", f"+ {name} {b}")]
    return lines


# -- structures ---------------------------------------------------------------------------------------------

_NOUNS = {"settings": "setting", "groups": "group", "tasks": "task", "dependencies": "edge"}


def _describe_sections(before: Page, after: Page, most: int) -> list[str]:
    lines: list[str] = []
    for title, noun in _NOUNS.items():
        one, other = before.sections.get(title, {}), after.sections.get(title, {})
        added = [_describe_entry("+", noun, entry) for name, entry in other.items() if name not in one]
        removed = [_describe_entry("-", noun, entry) for name, entry in one.items() if name not in other]
        lines += fold(added, len(added), most=most) + fold(removed, len(removed), most=most)
        for name in (name for name in one if name in other):
            lines += _describe_entries(one[name], other[name], most)
    return lines


def _describe_entry(sign: str, noun: str, entry: Entry) -> str:
    return f"{sign} {noun} {entry.name}: {entry.head}" if entry.head else f"{sign} {noun} {entry.name}"


def _describe_entries(before: Entry, after: Entry, most: int) -> list[str]:
    lines = []
    if before.head != after.head:
        lines.append(f"{before.name} was {before.head or 'absent'}, is {after.head or 'absent'}")
    was = {entry.name: entry.head for entry in _read_entries(before.rows)}
    now = {entry.name: entry.head for entry in _read_entries(after.rows)}
    for name in dict.fromkeys([*was, *now]):
        if was.get(name) != now.get(name):
            change = f"was {was.get(name, 'absent')}, is {now.get(name, 'absent')}"
            lines.append(f"{before.name}: {name} {change}")
    return fold(lines, len(lines), most=most)
