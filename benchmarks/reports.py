"""
How long the reports of a large session take, and how large they are.

Run by `make bench`; `python benchmarks/reports.py DAGS INSTANCES` measures another size. Fails if a figure is missed.
"""

# Without Airflow: what is measured is what comes on top of a session.

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from figures import Figure, show

from pytest_dynadag.graph.given import Given
from pytest_dynadag.graph.planner import plan
from pytest_dynadag.graph.sources import Output, Product
from pytest_dynadag.graph.structure import Group, Structure, Task
from pytest_dynadag.plugin.recording import Recording, read_recorded
from pytest_dynadag.render.paths import shorten
from pytest_dynadag.render.report import CheckRecord, DagRecord, ExpansionRecord, SessionReport
from pytest_dynadag.render.writing import write_report

MOST_SECONDS = 5
MOST_MEGABYTES = 5
ENDINGS = ("json", "md", "html")


def make_structure(number: int) -> Structure:
    """Make a DAG of eight tasks, three of them mapped, two in a group."""
    source = Product((("path", Output("list_files")),))
    tasks = (
        Task(task_id="start"),
        Task(task_id="list_files", upstream=("start",), operator="PythonOperator"),
        Task(task_id="each.read", group_id="each", upstream=("list_files",)),
        Task(task_id="each.load", group_id="each", upstream=("each.read",)),
        Task(task_id="check", mapping=source, upstream=("each.load",), map_index_template="{{ path }}"),
        Task(task_id="report", upstream=("check",)),
        Task(task_id="publish", upstream=("report",)),
        Task(task_id="end", upstream=("publish",)),
    )
    return Structure(f"dag_{number:03}", tasks, (Group("each", mapping=source),), airflow_version="3.3.2")


def note(folder: Path, dags: int, instances: int) -> None:
    """Note what a session with one plan for each DAG would."""
    session: Any = SimpleNamespace(folder=folder, worker="main")
    recording = Recording(session, wanted=True)
    for structure, expansion in plans(dags, instances):
        item: Any = SimpleNamespace(nodeid=f"dags/{structure.dag_id}.py::case", user_properties=[])
        recording.item = item
        recording.names.clear()
        recording.note_plan(structure, expansion)


def plans(dags: int, instances: int) -> list[tuple[Structure, Any]]:
    """Plan each DAG so that all of them have so many *instances* together."""
    length = max((instances // dags - 5) // 3, 1)
    structures = [make_structure(number) for number in range(dags)]
    items = [f"s3://bucket/2024/05/{index:06}.csv" for index in range(length)]
    return [(s, plan(s, Given.of({"list_files": items}, max_map_length=length))) for s in structures]


def gather(folder: Path) -> SessionReport:
    """Read what was noted, as the end of a session does."""
    entries = [shorten(entry, Path("/project")) for entry in read_recorded(folder)]
    made = [entry for entry in entries if entry.pop("what") == "expansion"]
    structures = [entry for entry in entries if "digest" in entry]
    return SessionReport(
        dags=tuple(DagRecord.from_dict({**e, "file": "dags/x.py", "seconds": 0.1}) for e in structures),
        checks=tuple(CheckRecord(e["nodeid"], "case", "passed") for e in made),
        expansions=tuple(map(ExpansionRecord.from_dict, made)),
    )


def measure(dags: int = 100, instances: int = 5000, rounds: int = 3) -> list[Figure]:
    """Measure everything that reports add to a session."""
    found = [report(dags, instances) for _ in range(rounds)]
    what = f"{dags} DAGs with {instances:,} instances"
    seconds, megabytes = zip(*found, strict=True)
    return [
        Figure(f"{what}, noted and written as {', '.join(ENDINGS)}", "s", seconds, at_most=MOST_SECONDS),
        Figure(f"{what}, the HTML", "MB", megabytes, at_most=MOST_MEGABYTES),
    ]


def report(dags: int, instances: int) -> tuple[float, float]:
    """Plan, note, and write every form of the report; give the seconds, and the megabytes of the HTML."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        begun = time.perf_counter()
        note(folder, dags, instances)
        gathered = gather(folder)
        for ending in ENDINGS:
            write_report(gathered, folder / f"report.{ending}")
        seconds = time.perf_counter() - begun
        json.loads((folder / "report.json").read_text(encoding="utf-8"))
        return seconds, (folder / "report.html").stat().st_size / 1e6


if __name__ == "__main__":
    sys.exit(show(measure(*map(int, sys.argv[1:]))))
