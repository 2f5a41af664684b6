"""The text form of an expansion, for people."""

from __future__ import annotations

from typing import Any

from pytest_dynadag.graph.expansion import Expansion
from pytest_dynadag.graph.given import Given
from pytest_dynadag.graph.planner import plan
from pytest_dynadag.graph.sources import Literal, Output, Product
from pytest_dynadag.graph.structure import Group, Structure, Task
from pytest_dynadag.graph.text import show
from pytest_dynadag.location import Location

TASKS = (
    Task(task_id="list_regions"),
    Task(
        task_id="load",
        upstream=("list_regions",),
        mapping=Product((("region", Output("list_regions")),)),
        location=Location("sales.py", 7),
    ),
    Task(task_id="report", upstream=("load",)),
)


def sales(regions: Any, **states: str) -> Expansion:
    """Plan a DAG that maps over *regions*."""
    return plan(Structure("sales", TASKS), Given.of({"list_regions": regions}, states))


def test_a_line_per_task_and_its_instances_below() -> None:
    """Counts, states and what is waited for stand in columns, inputs below."""
    expected = """\
sales: 3 tasks, 4 instances, 4 edges
├── list_regions  1  success
├── load          2  success  after list_regions
│   ├── [0] region='eu'
│   └── [1] region='us'
└── report        1  success  after load"""

    assert expected == sales(["eu", "us"]).to_text()


def test_what_is_not_expanded_says_why() -> None:
    """A task without instances keeps its line, with the reason."""
    expected = """\
sales: 3 tasks, 2 instances, 2 edges
├── list_regions  1  success
├── load          0  skipped  after list_regions: mapped over nothing
└── report        1  skipped  after load"""

    assert expected == sales([]).to_text()


def test_an_unknown_length_is_a_question_mark() -> None:
    """What the given does not tell is shown as such."""
    expected = """\
sales: 3 tasks, 3 instances, 2 edges
├── list_regions  1  success
├── load          ?  unknown  after list_regions: an upstream output that decides the length is not known
└── report        1  success  after load"""

    assert expected == plan(Structure("sales", TASKS), strict=False).to_text()


def test_states_are_told_apart_where_they_differ() -> None:
    """If instances end differently the task counts them and each says how it ends."""
    expansion = plan(
        Structure("sales", TASKS), Given.of({"list_regions": ["eu", "us", "apac"]}, {"load[1]": "skipped"})
    )

    expected = """\
sales: 3 tasks, 5 instances, 6 edges
├── list_regions  1  success
├── load          3  2 success, 1 skipped  after list_regions
│   ├── [0] region='eu'  (success)
│   ├── [1] region='us'  (skipped)
│   └── [2] region='apac'  (success)
└── report        1  skipped               after load"""
    assert expected == expansion.to_text()


def test_more_than_twenty_instances_are_folded() -> None:
    """Of a long list the first and the last are shown, and how many stand between."""
    twenty, thousand = sales(list(range(20))).to_text(), sales(list(range(1000))).to_text()

    assert "│   ├── [10] region=10" in twenty.splitlines()
    expected = """\
sales: 3 tasks, 1002 instances, 2000 edges
├── list_regions     1  success
├── load          1000  success  after list_regions
│   ├── [0] region=0
│   ├── ... 998 more
│   └── [999] region=999
└── report           1  success  after load"""
    assert expected == thousand


def test_labels_stand_for_inputs() -> None:
    """Where an instance has a label, that is the name people know it by."""
    task = Task(
        task_id="load", map_index_template="{{ region }}", mapping=Product((("region", Literal(["eu"])),))
    )

    expansion = plan(Structure("sales", (task,)), label=lambda task, index, inputs: f"to {inputs['region']}")

    assert (
        "sales: 1 task, 1 instance, 0 edges\n└── load  1  success\n    └── [0] to eu" == expansion.to_text()
    )


def test_index_wise_edges_say_so() -> None:
    """Inside a mapped group an instance waits for the one with its own index only."""
    group = Group("each", mapping=Product((("path", Literal(["a", "b"])),)))
    tasks = (
        Task(task_id="each.extract", group_id="each"),
        Task(task_id="each.load", group_id="each", upstream=("each.extract",)),
    )

    text = plan(Structure("grouped", tasks, (group,))).to_text()

    assert "└── each.load     2  success  after each.extract (same index)" in text.splitlines()


def test_findings_stand_below() -> None:
    """What was noticed is part of the picture."""
    lines = sales(5).to_text().splitlines()

    assert [
        "  sales.py:7: DYN301 list_regions returns an int, but load is mapped over it: Airflow fails list_regions",
        "    next: return a list, a tuple or a dict",
    ] == lines[-2:]


def test_values_keep_to_one_short_line() -> None:
    """Long values are cut, line breaks folded, addresses left out, and a repr that raises does no harm."""

    class Broken:
        def __repr__(self) -> str:
            raise ValueError

    class Wordy:
        def __repr__(self) -> str:
            return f"two\n  lines at 0x7f0000000000 and {'x' * 100}"

    assert "'" + "a" * 76 + "..." == show("a" * 100)
    assert "two lines and " + "x" * 63 + "..." == show(Wordy())
    assert "" == show(Broken())


def test_an_empty_dag_is_its_headline() -> None:
    """A DAG without tasks does not trip the columns."""
    assert "nothing: 0 tasks, 0 instances, 0 edges" == Expansion("nothing", ()).to_text()
