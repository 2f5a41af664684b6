"""The page of benchmarks tells what is kept of the last measurement, and benchmarks measure and compare as they say."""

from __future__ import annotations

import json
import re
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks"
NOWHERE = {"system": "", "processor": "", "cores": 0, "memory": "", "load": 0}
Read = Callable[[str], dict[str, Any]]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Read:
    """Give what executes a module of the benchmarks, and gives its names."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return lambda name: runpy.run_path(str(BENCHMARKS / f"{name}.py"))


def test_the_page_tells_what_was_measured(read: Read) -> None:
    """The page has the tables of docs/bench.json and no others: `make bench-page` writes both."""
    page = read("page")
    text = page["PAGE"].read_text()

    assert text == page["rewrite"](text, json.loads(page["KEPT"].read_text()))
    assert text != page["rewrite"](text, {"on": "", "machine": NOWHERE, "versions": {}, "measured": {}})


def test_what_is_kept_names_no_folder(read: Read) -> None:
    """Nothing of the machine is kept but what it is."""
    text = read("page")["KEPT"].read_text()

    assert NOWHERE.keys() == set(json.loads(text)["machine"])
    assert not re.search(r"/(home|root|work|tmp)/", text)


TABLE = """\
|            | pytest-dynadag            | dag.test()                | goal                   |
| ---------- | ------------------------- | ------------------------- | ---------------------- |
| a run      | 2 s (1 to 4.12, n = 3)    | 123 s (once); 2 of 3 fail | at most 1.5 s, missed  |
| a ratio    | 1.2 x (0.9 to 1.5, n = 2) |                           | at least 1.7 x, missed |
| seen alone | 0.5 MB (once)             |                           | at most 1 MB           |
"""


def test_a_table_shows_medians_spread_and_goals(read: Read) -> None:
    """Each row has what was measured of each, how often, and the goal; one that is missed says so."""
    names = read("figures")
    figure = names["Figure"]
    figures = [
        figure("a run", "s", [1, 4.123, 2], at_most=1.5),
        figure("a run", "s", [123.4], "dag.test()", words="2 of 3 fail"),
        figure("a ratio", "x", [0.9, 1.5], at_least=1.7),
        figure("seen alone", "MB", [0.5], at_most=1),
    ]

    assert TABLE == names["to_table"](figures)


def test_works_are_done_by_turns(read: Read) -> None:
    """Each is done in every round, except what is done once."""
    done: list[str] = []
    works = {name: lambda name=name: done.append(name) or len(done) for name in "abc"}

    results = read("figures")["take_turns"](works, rounds=3, once=["b"])

    assert "abcacac" == "".join(done)
    assert {"a": [1, 4, 6], "b": [2], "c": [3, 5, 7]} == results


def test_what_was_measured_is_read_as_it_was_written(read: Read) -> None:
    """Figures survive the way through JSON."""
    names = read("figures")
    measured = {"what": [names["Figure"]("a run", "s", [1, 2], "dag.test()", at_most=3.0, words="well")]}

    assert measured == names["read"](json.loads(json.dumps(names["to_data"](measured))))


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("plan", {"rounds": 1, "most": 1000}),
        ("reports", {"dags": 2, "instances": 50, "rounds": 1}),
        ("idle", {"rounds": 1}),
    ],
)
def test_a_benchmark_measures(read: Read, name: str, size: dict[str, int]) -> None:
    """At the least size it comes to its end, and its figures are more than nothing."""
    figures = read(name)["measure"](**size)

    assert all(figure.repetitions for figure in figures)
    assert {"pytest-dynadag"} <= {figure.whose for figure in figures}


def test_a_bare_parse_parses(read: Read, tmp_path: Path) -> None:
    """Airflow's own DagBag, which the check of determinism is measured against, executes the DAG files."""
    dags, parsed = tmp_path / "dags", tmp_path / "parsed"
    dags.mkdir()
    text = f"# a DAG file for Airflow\nfrom pathlib import Path\nPath({str(parsed)!r}).touch()\n"
    (dags / "marks.py").write_text(text)

    read("determinism")["parse_once"](dags, 0, tmp_path / "home")

    assert parsed.is_file()


def test_the_neighbour_has_the_same_airflow_and_pytest() -> None:
    """What is measured side by side differs in the plugin alone: every package of both has one version, and no address."""
    ours, theirs = (
        dict(line.split("==") for line in (ROOT / "constraints" / name).read_text().splitlines())
        for name in ("airflow-3.3.txt", "in-a-box.txt")
    )

    assert {} == {name: theirs[name] for name in ours.keys() & theirs.keys() if ours[name] != theirs[name]}
    assert {"pytest-airflow-in-a-box", "apache-airflow", "pytest", "pytest-xdist"} <= set(theirs)
