"""Pictures of expansions: a Mermaid flowchart for pages, a table for notebooks."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from pytest_dynadag.graph.expansion import Expansion, TaskExpansion
from pytest_dynadag.graph.given import Given
from pytest_dynadag.graph.mermaid import MOST_EDGES, to_mermaid
from pytest_dynadag.graph.notebook import to_html
from pytest_dynadag.graph.planner import plan
from pytest_dynadag.graph.sizes import plan_sizes
from pytest_dynadag.graph.sources import Literal, Output, Product
from pytest_dynadag.graph.structure import Group, Structure, Task
from pytest_dynadag.run.observation import Observation
from pytest_dynadag.run.runner import Run

FILES = Structure(
    "files",
    (
        Task(task_id="list_files"),
        Task(task_id="each.read", group_id="each", upstream=("list_files",)),
        Task(task_id="each.load", group_id="each", upstream=("each.read",)),
        Task(task_id="end", upstream=("each.load",)),
    ),
    (Group("each", mapping=Product((("path", Output("list_files")),))),),
)
HOSTILE = [
    "<script>alert(1)</script>",
    'a"] --> b',
    "end\nsubgraph x",
    "a; click t0 href javascript:alert(1)",
    "#quot;#60;",
    "`**bold**` __x__",
    "1. one",
    "%% comment",
    "a|b",
]


def files(*paths: str) -> Expansion:
    """Plan the DAG with a mapped group."""
    return plan(FILES, Given.of({"list_files": list(paths)}))


def mapped(*inputs: Any, task_id: str = "load", states: tuple[str, ...] = ("success",)) -> Expansion:
    """Give an expansion of one mapped task."""
    return Expansion("d", (TaskExpansion(task_id, len(inputs), True, states, [{"x": i} for i in inputs]),))


def test_few_instances_are_drawn_one_by_one() -> None:
    """Groups and mapped tasks are boxes, instances nodes with their inputs, and index-wise edges lead from one to one."""
    drawing = """\
flowchart LR
  t0["list_files"]
  t3["end"]
  subgraph g_t1_0["each"]
    subgraph t1["read × 2"]
      t1_0["0: path=#39;a#39;"]
      t1_1["1: path=#39;b#39;"]
    end
    subgraph t2["load × 2"]
      t2_0["0: path=#39;a#39;"]
      t2_1["1: path=#39;b#39;"]
    end
  end
  t0 --> t1
  t1_0 --> t2_0
  t1_1 --> t2_1
  t2 --> t3"""  # noqa: RUF001 - the sign is meant

    assert drawing == files("a", "b").to_mermaid()


def test_many_instances_are_folded() -> None:
    """More than five instances are one node with their number, and an edge says which wait for which."""
    drawing = """\
flowchart LR
  t0["list_files"]
  t3["end"]
  subgraph g_t1_0["each"]
    t1[["read × 6"]]
    t2[["load × 6"]]
  end
  t0 --> t1
  t1 -->|same index| t2
  t2 --> t3"""  # noqa: RUF001

    assert drawing == files(*"abcdef").to_mermaid()


def test_states_have_colors() -> None:
    """What does not succeed has a class of its own; what does is plain."""
    drawing = to_mermaid(mapped(1, 2, states=("success", "failed"))).splitlines()

    assert '    load_0["0: x=1"]' not in drawing
    assert ['    t0_0["0: x=1"]', '    t0_1["1: x=2"]:::failed'] == drawing[2:4]
    assert drawing[-1].startswith("  classDef failed ")


def test_what_is_not_expanded_says_so() -> None:
    """A length of nought or unknown stands in the node, with the state it ends in."""
    empty = files().to_mermaid()
    unknown = plan(FILES, Given.of({}), strict=False).to_mermaid()

    assert 't1[["read × 0 skipped"]]:::skipped' in empty  # noqa: RUF001
    assert 't1[["read × ? unknown"]]:::unknown' in unknown  # noqa: RUF001


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_dag_says_stays_text_in_a_drawing(text: str) -> None:
    """Whatever ids and inputs hold, every line is one of ours, and nothing leaves the quotes."""
    drawing = to_mermaid(mapped(text, task_id=text))
    line = re.compile(
        r'flowchart LR| *subgraph t0\["[^"<>`;\[\]{}|]*(#\d+;[^"<>`;\[\]{}|]*)*"\]| *end'
        r'| *t0_0\["[^"<>`;\[\]{}|]*(#\d+;[^"<>`;\[\]{}|]*)*"\]| *subgraph g_t0_\d\["[^"<>`;|]*(#\d+;[^"<>`;|]*)*"\]'
    )

    assert [] == [found for found in drawing.splitlines() if not line.fullmatch(found)]
    assert "__" not in drawing


def test_a_large_dag_is_cut_to_what_github_draws() -> None:
    """More tasks and edges than GitHub draws are left out, and the tasks counted."""
    tasks = tuple(
        Task(task_id=f"t{n:03}", upstream=tuple(f"t{m:03}" for m in range(max(0, n - 5), n)))
        for n in range(250)
    )

    drawing = plan(Structure("large", tasks)).to_mermaid()

    assert '  more["... 50 more tasks"]' in drawing.splitlines()
    assert MOST_EDGES == drawing.count("-->")
    assert 50_000 > len(drawing)


def test_a_table_for_a_notebook() -> None:
    """A notebook shows a line per task, with its instances to be opened."""
    table = to_html(mapped("eu"))

    assert "<strong>d: 1 task, 1 instance</strong>" in table
    assert "<details><summary>load</summary><ol start=0><li>x=&#x27;eu&#x27;</li></ol></details>" in table


class _Tags(HTMLParser):
    """Collects the tags and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen |= {tag, *(f"{tag} {name}" for name, _ in attrs)}


@pytest.mark.parametrize("text", [*HOSTILE, "<img src=x onerror=alert(1)>", "' onmouseover='x"])
def test_what_a_dag_says_stays_text_in_a_table(text: str) -> None:
    """The table has no other tags and attributes than ours, whatever ids, inputs and reasons hold."""
    [task] = mapped(text, task_id=text).tasks
    tags = _Tags()

    tags.feed(to_html(Expansion(text, (replace(task, reason=text, labels=(text,)),))))

    ours = ["div", "strong", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "ol", "li"]
    assert {*ours, "th style", "td style", "ol start"} == tags.seen


def test_long_tables_are_cut() -> None:
    """A hundred instances of a task are listed, the rest is counted."""
    table = to_html(mapped(*range(130)))

    assert "<li>x=99</li><li>... 30 more</li>" in table


def test_a_notebook_may_choose() -> None:
    """A front end gets text, a table and a drawing."""
    expansion = plan(Structure("d", (Task(task_id="a", mapping=Product((("x", Literal([1])),))),)))

    assert {
        "text/plain": expansion.to_text(),
        "text/html": to_html(expansion),
        "text/vnd.mermaid": to_mermaid(expansion),
    } == expansion._repr_mimebundle_()


def test_a_run_in_a_notebook() -> None:
    """A run shows how it ended, above the same tree, table and drawing."""
    expansion = mapped("eu")
    run = Run("d", "failed", expansion, {}, {}, 1.5, Observation("d", "r", "failed", None, ()))
    text = """\
d (failed): 1 task, 1 instance, 0 edges
└── load  1  success
    └── [0] x='eu'"""

    assert {
        "text/plain": text,
        "text/html": to_html(expansion, title="d: failed, 1.50 s"),
        "text/vnd.mermaid": expansion.to_mermaid(),
    } == run._repr_mimebundle_()


def test_sizes_stand_together() -> None:
    """The plans of every size stand one below the other, or each in a box, under ids of their own."""
    sizes = plan_sizes(Structure("files", FILES.tasks[:2], FILES.groups), (0, 1))
    text = """\
files, list_files=0: 2 tasks, 1 instance, 1 edge
├── list_files  1  success
└── each.read   0  skipped  after list_files: mapped over nothing

files, list_files=1: 2 tasks, 2 instances, 1 edge
├── list_files  1  success
└── each.read   1  success  after list_files
    └── [0] path=?"""
    drawing = """\
flowchart LR
  subgraph s0["list_files=0"]
    s0_t0["list_files"]
    subgraph g_s0_t1_0["each"]
      s0_t1[["read × 0 skipped"]]:::skipped
    end
    s0_t0 --> s0_t1
  end
  subgraph s1["list_files=1"]
    s1_t0["list_files"]
    subgraph g_s1_t1_0["each"]
      subgraph s1_t1["read × 1"]
        s1_t1_0["0: path=?"]
      end
    end
    s1_t0 --> s1_t1
  end
  classDef skipped fill:#eee,stroke:#888,color:#555,stroke-dasharray:4 3"""  # noqa: RUF001

    shown = sizes._repr_mimebundle_()

    assert (text, drawing) == (shown["text/plain"], shown["text/vnd.mermaid"])
    assert "<strong>files, list_files=0</strong>" in shown["text/html"]
    assert 2 == shown["text/html"].count("<table>")


def test_a_long_drawing_is_folded() -> None:
    """Where the instances one by one are more text than GitHub reads, their tasks are single nodes."""
    mapping = Product((("x", Literal(["y" * 60] * 5)),))
    tasks = tuple(Task(task_id=f"t{n}", mapping=mapping) for n in range(200))

    drawing = plan(Structure("large", tasks)).to_mermaid()

    assert 't0[["t0 × 5"]]' in drawing  # noqa: RUF001
    assert 50_000 > len(drawing)
