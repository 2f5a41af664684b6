"""What pytest prints of a comparison that fails: whole messages."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import textwrap
from typing import Any

import lean
import pytest
from _pytest._io import TerminalWriter

from pytest_dynadag.graph.expansion import Counts, Expansion, Inputs
from pytest_dynadag.plugin.assertions import color, explain_comparison

SALES = """
    from dataclasses import replace

    from pytest_dynadag.graph.expansion import Expansion
    from pytest_dynadag.graph.given import Given
    from pytest_dynadag.graph.planner import plan
    from pytest_dynadag.graph.sources import Output, Product
    from pytest_dynadag.graph.structure import Structure, Task
    from pytest_dynadag.run.runner import Run

    SALES = Structure("sales", (
        Task(task_id="list_regions"),
        Task(task_id="load", upstream=("list_regions",), mapping=Product((("region", Output("list_regions")),))),
        Task(task_id="report", upstream=("load",)),
    ))

    def sales(*regions):
        return plan(SALES, Given.of({"list_regions": list(regions)}))

    def ran(*regions):
        return Run("sales", "success", sales(*regions), {}, {}, 1.5, None)
"""
LEGEND = "  from right to left (+ only left, - only right):"
COMPARISONS = {
    "an instance more": (
        'sales("eu", "us", "apac") == sales("eu", "us")',
        [
            (
                "assert <Expansion of 'sales': 3 tasks, 5 instances (widest: load, 3), 0 not expanded, 6 edges> == "
                "<Expansion of 'sales': 3 tasks, 4 instances (widest: load, 2), 0 not expanded, 4 edges>"
            ),
            LEGEND,
            "  load: 2 instances, then 3",
            "  + load[2] region='apac'",
        ],
    ),
    "other order": (
        'sales("eu", "us") == sales("us", "eu")',
        [
            (
                "assert <Expansion of 'sales': 3 tasks, 4 instances (widest: load, 2), 0 not expanded, 4 edges> == "
                "<Expansion of 'sales': 3 tasks, 4 instances (widest: load, 2), 0 not expanded, 4 edges>"
            ),
            LEGEND,
            "  order only: the same instances stand in another order",
            "  load: order only: [0] to [1], [1] to [0]",
        ],
    ),
    "another input": (
        'sales("eu") == sales("us")',
        [
            (
                "assert <Expansion of 'sales': 3 tasks, 3 instances (widest: load, 1), 0 not expanded, 2 edges> == "
                "<Expansion of 'sales': 3 tasks, 3 instances (widest: load, 1), 0 not expanded, 2 edges>"
            ),
            LEGEND,
            "  load[0]: region was 'us', is 'eu'",
        ],
    ),
    "plan against what a run became": (
        'sales("eu", "us") == ran("eu").expansion',
        [
            (
                "assert <Expansion of 'sales': 3 tasks, 4 instances (widest: load, 2), 0 not expanded, 4 edges> == "
                "<Expansion of 'sales': 3 tasks, 3 instances (widest: load, 1), 0 not expanded, 2 edges>"
            ),
            LEGEND,
            "  load: 1 instance, then 2",
            "  + load[1] region='us'",
        ],
    ),
    "plan against run": (
        'sales("eu") == ran("us")',
        [
            (
                "assert <Expansion of 'sales': 3 tasks, 3 instances (widest: load, 1), 0 not expanded, 2 edges> == "
                "<Run of 'sales': success, 3 instances, 0 failed, 1.50 s>"
            ),
            "  to compare what a run became, write run.expansion",
            LEGEND,
            "  load[0]: region was 'us', is 'eu'",
        ],
    ),
    "run against a plan that is equal": (
        'ran("eu") == sales("eu")',
        [
            (
                "assert <Run of 'sales': success, 3 instances, 0 failed, 1.50 s> == "
                "<Expansion of 'sales': 3 tasks, 3 instances (widest: load, 1), 0 not expanded, 2 edges>"
            ),
            "  to compare what a run became, write run.expansion",
            "  their expansions are equal",
        ],
    ),
    "many": (
        "sales(*range(40)) == sales()",
        [
            (
                "assert <Expansion of 'sales': 3 tasks, 42 instances (widest: load, 40), 0 not expanded, 80 edges> == "
                "<Expansion of 'sales': 3 tasks, 2 instances, 1 not expanded, 2 edges>"
            ),
            LEGEND,
            "  load: 0 instances, then 40",
            *(f"  + load[{n}] region={n}" for n in range(10)),
            "  ... 30 more",
        ],
    ),
    "counts": (
        'sales("eu", "us").counts == {"list_regions": 1, "load": 3, "rapport": 1}',
        [
            (
                "assert {'list_regions': 1, 'load': 2, 'report': 1} == "
                "{'list_regions': 1, 'load': 3, 'rapport': 1}"
            ),
            "  load: expected 3, got 2",
            "  - rapport: there is no such task; did you mean 'report'?",
            "  + report: 1, not expected",
        ],
    ),
    "counts on the right": (
        '{"list_regions": 1, "load": 3, "report": 1} == sales("eu").counts',
        [
            (
                "assert {'list_regions': 1, 'load': 3, 'report': 1} == "
                "{'list_regions': 1, 'load': 1, 'report': 1}"
            ),
            "  load: expected 3, got 1",
        ],
    ),
    "inputs": (
        'sales("eu", "us")["load"].inputs == [{"region": "us"}, {"region": "eu"}, {"region": "apac"}]',
        [
            (
                "assert [{'region': 'eu'}, {'region': 'us'}] == "
                "[{'region': 'us'}, {'region': 'eu'}, {'region': 'apac'}]"
            ),
            LEGEND,
            "  load: 3 instances, then 2",
            "  - load[2] region='apac'",
            "  load: 2 items moved: [0] to [1], [1] to [0]",
        ],
    ),
    "inputs in another order": (
        'sales("eu", "us")["load"].inputs == [{"region": "us"}, {"region": "eu"}]',
        [
            "assert [{'region': 'eu'}, {'region': 'us'}] == [{'region': 'us'}, {'region': 'eu'}]",
            LEGEND,
            "  load: order only: [0] to [1], [1] to [0]",
        ],
    ),
    "structures": (
        "SALES == replace(SALES, tasks=SALES.tasks[:2])",
        [
            (
                "assert <Structure of 'sales': 3 tasks, 1 mapped, 0 groups> == "
                "<Structure of 'sales': 2 tasks, 1 mapped, 0 groups>"
            ),
            LEGEND,
            "  + task report: Operator",
            "  + edge load -> report",
        ],
    ),
    "structures apart from what a snapshot holds": (
        'SALES == replace(SALES, airflow_version="2.11.2")',
        [
            (
                "assert <Structure of 'sales': 3 tasks, 1 mapped, 0 groups> == "
                "<Structure of 'sales': 3 tasks, 1 mapped, 0 groups>"
            ),
            "  they differ in what a snapshot leaves out: compare their to_dict()",
        ],
    ),
}


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Give what pytest prints of each comparison, from one session with a test each."""
    folder = tmp_path_factory.mktemp("comparisons")
    (folder / "sales.py").write_text(textwrap.dedent(SALES))
    tests = (
        f"def test_{number}():\n    assert {code}\n" for number, (code, _) in enumerate(COMPARISONS.values())
    )
    (folder / "test_it.py").write_text("\n".join(["from sales import *", *tests]))
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-vv",
        "-p",
        "no:cacheprovider",
        "--color=no",
        "test_it.py",
    ]
    output = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout
    sections = re.split(r"^_+ test_\d+ _+$", output, flags=re.MULTILINE)[1:]
    lines = ([line[8:] for line in section.splitlines() if line.startswith("E  ")] for section in sections)
    return dict(zip(COMPARISONS, lines, strict=True))


@pytest.mark.parametrize("name", COMPARISONS)
def test_a_comparison_explains_itself(messages: dict[str, list[str]], name: str) -> None:
    """Expansions, counts, inputs and structures say what differs; whatever else is left to pytest."""
    first, *rest = messages[name]

    assert COMPARISONS[name][1] == [first.removeprefix("AssertionError: "), *rest]


@pytest.mark.parametrize(
    ("operator", "left", "right"),
    [
        ("!=", Counts({"load": 1}), {"load": 1}),
        ("==", Counts({"load": 1}), 5),
        ("==", Inputs("load", [{"n": 1}]), [1]),
        ("==", {"load": 1}, {"load": 2}),
        ("==", Expansion("d", ()), "d"),
    ],
)
def test_what_is_not_ours_is_left_to_others(
    pytestconfig: pytest.Config, operator: str, left: Any, right: Any
) -> None:
    """Another operator, or a comparison with something else, gets no message of ours."""
    assert explain_comparison(pytestconfig, operator, left, right) is None


def test_what_was_added_is_green_and_what_was_removed_red() -> None:
    """In a terminal with colors a comparison has those that pytest's own diffs have."""
    terminal = TerminalWriter(io.StringIO())
    terminal.hasmarkup = True

    assert ["\x1b[32m+ a\x1b[0m", "\x1b[31m  - b\x1b[0m", "c"] == color(
        ["+ a", "  - b", "c"], terminal.markup
    )


def test_a_long_message_is_cut_by_pytest(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without -vv, and outside of CI, pytest shows as much as of any other comparison."""
    for name in ("CI", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTEST_ADDOPTS", lean.ADDOPTS)
    pytester.makepyfile(
        sales=SALES, test_it="from sales import *\ndef test_it():\n    assert sales(*range(9)) == sales()"
    )

    result = pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider")

    result.stdout.fnmatch_lines(["E * + load[[]0] region=0", "*Full output truncated*"])
    result.stdout.no_fnmatch_line("*load[[]8]*")
