"""An expansion as a Mermaid flowchart, as GitHub draws it from a fenced block in Markdown."""

# Here and not in render/: `Expansion.to_mermaid()` needs it, and graph stands below render.
# Bounds are GitHub's, which shows an error in place of a larger picture (mermaid: maxEdges 500, maxTextSize 50000).

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice

from pytest_dynadag import printable
from pytest_dynadag.graph.edges import BLOCK, INDEX, Dependency
from pytest_dynadag.graph.expansion import Expansion, Instance, TaskExpansion
from pytest_dynadag.graph.text import count_of, describe_inputs, describe_states

MOST_INSTANCES = 5
"""Of one task; more are folded into one node."""
MOST_TASKS = 200
MOST_EDGES = 400
MOST_TEXT = 49_000
"""Characters of a whole drawing."""
LONGEST_LABEL = 60
"""Characters of a node's text."""

_WAYS = {INDEX: "same index", BLOCK: "same block"}
_COLORS = {
    "failed": "fill:#fdd,stroke:#b00,color:#600",
    "upstream_failed": "fill:#fed,stroke:#c60,color:#630",
    "skipped": "fill:#eee,stroke:#888,color:#555,stroke-dasharray:4 3",
    "unknown": "fill:#fff,stroke:#888,color:#555,stroke-dasharray:2 3",
}
_TIMES = "\N{MULTIPLICATION SIGN}"
_SPECIAL = re.compile(rf"[^\w .,:=?/(){_TIMES}-]|_(?=_)|(?<=_)_|^\W+|^\d+(?=[.)])")


def to_mermaid(expansion: Expansion, *, most: int = MOST_INSTANCES) -> str:
    """
    Write *expansion* as a Mermaid flowchart, from left to right.

    Groups are boxes, and so is a mapped task of a few instances; one of many is a single node with their number.
    Very large DAGs are cut to what GitHub still draws, and say so.

    Args:
        expansion: Planned or observed.
        most: How many instances of a task to draw before they are folded.
    """
    return _fit(lambda most: _draw_chart([_draw(expansion, most)], [expansion]), most)


def draw_together(expansions: Mapping[str, Expansion], *, most: int = MOST_INSTANCES) -> str:
    """
    Write several expansions as one Mermaid flowchart, each in a box with its name.

    Args:
        expansions: Name to expansion.
        most: As for `to_mermaid`.
    """

    def draw_all(most: int) -> str:
        boxes = (
            _draw_box(f"s{number}", name, _draw(expansion, most, f"s{number}_", len(expansions)))
            for number, (name, expansion) in enumerate(expansions.items())
        )
        return _draw_chart(boxes, expansions.values())

    return _fit(draw_all, most)


def _fit(draw: Callable[[int], str], most: int) -> str:
    """Draw with every instance folded where the drawing would be longer than GitHub reads."""
    drawing = draw(most)
    return drawing if len(drawing) <= MOST_TEXT else draw(0)


def _draw_chart(parts: Iterable[Iterable[str]], expansions: Iterable[Expansion]) -> str:
    used = {state for expansion in expansions for task in expansion for state in task.states}
    styles = [f"classDef {state} {style}" for state, style in _COLORS.items() if state in used]
    return "\n".join(["flowchart LR", *(f"  {line}" for part in (*parts, styles) for line in part)])


def _draw_box(node: str, name: str, lines: Iterable[str]) -> Iterator[str]:
    yield f'subgraph {node}["{escape(name)}"]'
    yield from (f"  {line}" for line in lines)
    yield "end"


def _draw(expansion: Expansion, most: int, prefix: str = "", share: int = 1) -> Iterator[str]:
    """Draw what one of *share* expansions may take of a flowchart, under ids that begin with *prefix*."""
    shown = expansion.tasks[: max(MOST_TASKS // share, 1)]
    drawing = _Drawing({task.task_id: f"{prefix}t{number}" for number, task in enumerate(shown)}, most)
    yield from drawing.draw_group("", list(shown), "")
    edges = [d for d in expansion.dependencies if drawing.has(d)]
    yield from islice(drawing.draw_edges(expansion, edges), MOST_EDGES // share)
    if len(shown) < len(expansion.tasks):
        yield f'{prefix}more["... {count_of(len(expansion.tasks) - len(shown), "more task")}"]'


def escape(text: str) -> str:
    """Write *text* so that Mermaid shows it as it is: no markup, no Markdown, no end of the quotes it stands in."""
    shown = printable.escape(" ".join(text.split()))
    shown = shown if len(shown) <= LONGEST_LABEL else f"{shown[: LONGEST_LABEL - 3]}..."
    return _SPECIAL.sub(lambda match: "".join(f"#{ord(character)};" for character in match[0]), shown)


class _Drawing:
    """Draws tasks under generated ids: a task's own may be a word of Mermaid's (`end`)."""

    def __init__(self, ids: dict[str, str], most: int) -> None:
        self.ids, self.most = ids, most

    def has(self, dependency: Dependency) -> bool:
        return dependency.upstream.task_id in self.ids and dependency.downstream.task_id in self.ids

    def draw_group(self, prefix: str, tasks: list[TaskExpansion], indent: str) -> Iterator[str]:
        """Draw the tasks whose ids begin with *prefix*, those of a group inside it in a box."""
        groups: dict[str, list[TaskExpansion]] = {}
        for task in tasks:
            name, dot, _ = task.task_id[len(prefix) :].partition(".")
            if dot:
                groups.setdefault(name, []).append(task)
            else:
                yield from self.draw_task(task, name, indent)
        for name, members in groups.items():
            yield f'{indent}subgraph g_{self.ids[members[0].task_id]}_{prefix.count(".")}["{escape(name)}"]'
            yield from self.draw_group(f"{prefix}{name}.", members, f"{indent}  ")
            yield f"{indent}end"

    def draw_task(self, task: TaskExpansion, name: str, indent: str) -> Iterator[str]:
        """Draw a task as one node, or with its instances where they are few."""
        node = self.ids[task.task_id]
        if not self.is_open(task):
            yield f"{indent}{node}{self.draw_node(task, name)}{_color(task.state)}"
            return
        yield f'{indent}subgraph {node}["{escape(f"{name} {_TIMES} {task.count}")}"]'
        for instance in task:
            text = escape(_describe_instance(instance))
            yield f'{indent}  {node}_{instance.index}["{text}"]{_color(instance.state)}'
        yield f"{indent}end"

    def is_open(self, task: TaskExpansion) -> bool:
        """Tell whether the instances of a task are drawn one by one."""
        return task.mapped and 0 < (task.count or 0) <= self.most

    @staticmethod
    def draw_node(task: TaskExpansion, name: str) -> str:
        if not task.mapped:
            return f'["{escape(name)}"]'
        number = "?" if task.count is None else str(task.count)
        states = f" {describe_states(task)}" if set(task.states) - {"success"} else ""
        return f'[["{escape(f"{name} {_TIMES} {number}{states}")}"]]'

    def draw_edges(self, expansion: Expansion, dependencies: list[Dependency]) -> Iterator[str]:
        """Draw the dependencies, between instances where both ends show them."""
        for dependency in dependencies:
            upstream, downstream = dependency.upstream.task_id, dependency.downstream.task_id
            one, other = self.ids[upstream], self.ids[downstream]
            both = self.is_open(expansion.by_id[upstream]) and self.is_open(expansion.by_id[downstream])
            if dependency.kind in _WAYS and both:
                for index in range(dependency.downstream.count or 0):
                    for source in dependency.upstream_indexes(index) or ():
                        yield f"{one}_{source} --> {other}_{index}"
            else:
                way = f"|{_WAYS[dependency.kind]}|" if dependency.kind in _WAYS else ""
                yield f"{one} -->{way} {other}"


def _describe_instance(instance: Instance) -> str:
    name = instance.label if isinstance(instance.label, str) else describe_inputs(instance.inputs)
    return f"{instance.index}: {name}" if name else str(instance.index)


def _color(state: str) -> str:
    return f":::{state}" if state in _COLORS else ""
