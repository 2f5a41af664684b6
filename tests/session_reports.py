"""Reports of made-up sessions, for the tests of what is written from them and of the page in a browser."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pytest_dynadag.findings import Finding
from pytest_dynadag.graph.expansion import Expansion
from pytest_dynadag.graph.given import Given
from pytest_dynadag.graph.planner import plan
from pytest_dynadag.graph.sources import Output, Product
from pytest_dynadag.graph.structure import Group, Structure, Task
from pytest_dynadag.location import Location
from pytest_dynadag.render.report import (
    CheckRecord,
    DagRecord,
    ExpansionRecord,
    FindingRecord,
    SessionReport,
    SnapshotRecord,
)
from pytest_dynadag.render.snapshot import write_snapshot

HOSTILE = (
    "</script><script>window.hacked=1</script>",
    "<img src=x onerror=window.hacked=2>",
    "<!--<script>",
    "javascript:window.hacked=3",
    "`x` **bold** [a](b) | c",
    "{{REPORT}} \u2028 \u202e",
)
NAMES_OF_HOSTILITY = dict(zip(("dag", "region", "label", "message", "source", "file"), HOSTILE, strict=True))

SALES = Structure(
    "sales",
    (
        Task(task_id="list_regions", operator="PythonOperator", location=Location("dags/sales.py", 9)),
        Task(
            task_id="load",
            operator="LoadOperator",
            upstream=("list_regions",),
            mapping=Product((("region", Output("list_regions")),)),
        ),
        Task(task_id="report", upstream=("load",), trigger_rule="all_done", retries=2),
    ),
    location=Location("dags/sales.py", 7),
    airflow_version="3.3.2",
)
FILES = Structure(
    "files",
    (
        Task(task_id="list_files"),
        Task(task_id="each.read", group_id="each", upstream=("list_files",)),
        Task(task_id="each.load", group_id="each", upstream=("each.read",)),
    ),
    (Group("each", mapping=Product((("path", Output("list_files")),))),),
    airflow_version="3.3.2",
)
PLAIN = {
    "dag": "sales",
    "region": "eu",
    "label": "first",
    "message": "load is mapped over the output of list_regions, which is a str",
    "source": "    load.expand(region=list_regions())",
    "file": "dags/sales.py",
}


def make_report(names: dict[str, str] | None = None) -> SessionReport:
    """Make a report in which something of everything happened; *names* stand in for those in PLAIN."""
    named = {**PLAIN, **(names or {})}
    sales = replace(SALES, dag_id=named["dag"])
    planned = plan(sales, Given.of({"list_regions": [named["region"], "us"]}))
    ran = plan(FILES, Given.of({"list_files": ["a.csv", "b.csv"]}, {"each.read[1]": "failed"}))
    nodeid = f"{named['file']}::{named['dag']}"
    return SessionReport(
        airflow_version="3.3.2",
        begun="2024-05-01T06:00:00+00:00",
        seconds=12.5,
        generation_seconds=2.25,
        dags=(DagRecord(sales, "s", named["file"], 0.5), DagRecord(FILES, "f", "dags/files.py", 0.25)),
        checks=(
            CheckRecord(f"{named['file']}::imports", "imports", "passed", None, 0.01),
            CheckRecord(f"{nodeid}::expands", "expands", "failed", named["dag"], 0.2, named["message"]),
            CheckRecord(f"{nodeid}::two regions", "case", "passed", named["dag"], 0.1),
            CheckRecord("test_files.py::test_run", "test", "passed", "files", 1.5),
        ),
        expansions=(
            ExpansionRecord(f"{nodeid}::two regions", "plan", "plan", "s", label(planned, named["label"])),
            ExpansionRecord("test_files.py::test_run", "run", "run", "f", ran, "failed", 1.25),
        ),
        findings=_make_findings(named, f"{nodeid}::expands"),
        snapshots=(_make_snapshot(sales, named),),
    )


def label(expansion: Expansion, text: str) -> Expansion:
    """Give the first instance of load the label *text*."""
    tasks = (replace(t, labels=(text, "second")) if t.task_id == "load" else t for t in expansion.tasks)
    return replace(expansion, tasks=tuple(tasks))


def _make_findings(named: dict[str, str], nodeid: str) -> tuple[FindingRecord, ...]:
    found = Finding("DYN301", named["dag"], Location(named["file"], 12), named["message"], "return a list")
    known = Finding("DYN103", "files", Location("dags/files.py", 3), "generation depends on the clock")
    return (
        FindingRecord(found, (nodeid,), named["source"]),
        FindingRecord(known, (), "start = datetime.now()", "until June", "clock"),
    )


def _make_snapshot(structure: Structure, named: dict[str, Any]) -> SnapshotRecord:
    before = plan(structure, Given.of({"list_regions": [named["region"], "us"]}))
    shorter = replace(structure, tasks=structure.tasks[:2])
    after = plan(shorter, Given.of({"list_regions": [named["region"], "apac", "us"]}))
    nodeid = f"{named['file']}::{named['dag']}::shape only"
    return SnapshotRecord(nodeid, "shape only", write_snapshot(before), write_snapshot(after))


def make_wide(number: int, text: str = "") -> SessionReport:
    """Make the report of a DAG with a task of *number* instances, one in a hundred failed."""
    items = [f"{text}{index}" for index in range(number)]
    states = {f"load[{index}]": "failed" for index in range(0, number, 100)}
    expansion = plan(SALES, Given.of({"list_regions": items}, states, max_map_length=number))
    record = ExpansionRecord("test_wide.py::test_wide", "plan", "plan", "s", expansion)
    return SessionReport(dags=(DagRecord(SALES, "s", "dags/sales.py"),), expansions=(record,))
