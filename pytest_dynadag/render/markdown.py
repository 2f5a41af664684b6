"""The report as Markdown, for the summary of a CI job: tables, findings, a diagram per expansion, changed snapshots."""

# What comes from a DAG must not become markup: it stands in code spans and code blocks, or is escaped.

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence

from pytest_dynadag import printable
from pytest_dynadag.graph.mermaid import to_mermaid
from pytest_dynadag.graph.text import count_of
from pytest_dynadag.render.coverage import find_percent
from pytest_dynadag.render.report import (
    BAD,
    ExpansionRecord,
    FindingRecord,
    SessionReport,
    SnapshotRecord,
)
from pytest_dynadag.render.summary import count_owners

MOST_DIAGRAMS = 20
"""GitHub shows the first 50 or so diagrams of a page; a summary with fewer is read."""
MOST_ROWS = 100
MOST_LINES = 200
"""Of one changed snapshot."""

_MARKS = {"failed": "❌", "passed": "✅", "unchecked": "▫️"}


def write_markdown(report: SessionReport) -> str:
    """Write the report as Markdown."""
    sections = (
        _write_head(report),
        _write_findings(report),
        _write_snapshots(report.snapshots),
        _write_failures(report),
        _write_table(report),
        _write_coverage(report),
        _write_diagrams(report),
    )
    return "\n".join(line for section in sections for line in section)


def code(text: str) -> str:
    """Write *text* as a code span that ends where the text does, in a table too."""
    flat = printable.escape(" ".join(text.split())).replace("|", "\\|")
    fence = "`" * (max(map(len, re.findall("`+", flat)), default=0) + 1)
    space = " " if "`" in flat else ""
    return f"{fence}{space}{flat}{space}{fence}" if flat else ""


def block(lines: Sequence[str], language: str = "") -> list[str]:
    """Write *lines* as a code block that nothing in them can end."""
    lines = [printable.escape_lines(line) for line in lines]
    longest = max((len(run) for line in lines for run in re.findall("`{3,}", line)), default=2)
    fence = "`" * (longest + 1)
    return [f"{fence}{language}", *lines, fence, ""]


def _write_head(report: SessionReport) -> Iterator[str]:
    checks = [check.outcome for check in report.checks]
    bad = sum(checks.count(outcome) for outcome in BAD)
    parts = [count_of(len(report.dag_ids), "DAG"), f"{checks.count('passed')} checks passed"]
    parts += [f"**{bad} failed**"] if bad else []
    parts += [f"**{count_of(len(report.open_findings), 'finding')}**"] if report.open_findings else []
    parts += [f"{count_of(len(report.snapshots), 'snapshot')} changed"] if report.snapshots else []
    yield from ("## What the DAGs become", "")
    yield f"{' · '.join(parts)} · Airflow {report.airflow_version or 'not loaded'} · {report.seconds:.1f} s"
    yield ""


def _write_findings(report: SessionReport) -> Iterator[str]:
    if not report.findings:
        return
    yield from ("### Findings", "", "| rule | DAG | where | what |", "| --- | --- | --- | --- |")
    records = sorted(report.findings, key=lambda record: (record.allowed is not None, record.finding.rule))
    for record in records[:MOST_ROWS]:
        yield _write_finding(record)
    yield from _count_left_out(len(records))
    yield ""


def _write_finding(record: FindingRecord) -> str:
    finding = record.finding
    place = code(str(finding.location)) if finding.location else ""
    source = f"<br>{code(record.source.strip())}" if record.source.strip() else ""
    allowed = f"<br>allowed: {escape(record.allowed)}" if record.allowed is not None else ""
    remedy = f"<br>next: {escape(finding.remedy)}" if finding.remedy else ""
    what = f"{escape(finding.message)}{remedy}{allowed}"
    return f"| {finding.rule} | {code(finding.dag_id or '')} | {place}{source} | {what} |"


def _write_snapshots(snapshots: Iterable[SnapshotRecord]) -> Iterator[str]:
    for number, snapshot in enumerate(snapshots):
        if number == 0:
            yield from ("### Changed snapshots", "")
        was = "updated" if snapshot.updated else "differs" if snapshot.before else "new"
        yield from (f"{code(snapshot.name)} {was}, in {code(snapshot.nodeid)}", "")
        before, after = snapshot.before.splitlines(), snapshot.after.splitlines()
        lines = [line.rstrip("\n") for line in difflib.unified_diff(before, after, lineterm="", n=2)][2:]
        left_out = [f"... {len(lines) - MOST_LINES} more lines"] if len(lines) > MOST_LINES else []
        yield from block([*lines[:MOST_LINES], *left_out], "diff")


def _write_failures(report: SessionReport) -> Iterator[str]:
    failed = [check for check in report.checks if check.outcome in BAD and check.message]
    if failed:
        yield from ("### Failed checks", "")
    for check in failed[:MOST_DIAGRAMS]:
        yield f"<details><summary>{escape_html(check.nodeid)}</summary>"
        yield from ("", *block(check.message.splitlines()[:MOST_LINES]), "</details>", "")
    if len(failed) > MOST_DIAGRAMS:
        yield from (f"... and {len(failed) - MOST_DIAGRAMS} more", "")


def _write_table(report: SessionReport) -> Iterator[str]:
    yield from ("### DAGs", "", "| | DAG | tasks | mapped | checks | widest |", "|---|---|--:|--:|--:|---|")
    widest = _find_widest(report.expansions)
    structures = {record.structure.dag_id: record.structure for record in reversed(report.dags)}
    for dag_id in report.dag_ids[:MOST_ROWS]:
        structure = structures[dag_id]
        mapped = sum(1 for task in structure.tasks if structure.is_mapped(task))
        checks = sum(1 for check in report.checks if check.dag_id == dag_id)
        mark, wide = _MARKS[report.status_of(dag_id)], code(widest.get(dag_id, ""))
        yield f"| {mark} | {code(dag_id)} | {len(structure.tasks)} | {mapped} | {checks} | {wide} |"
    yield from _count_left_out(len(report.dag_ids))
    yield ""


def _find_widest(records: Iterable[ExpansionRecord]) -> dict[str, str]:
    """Give the task with the most instances that a test saw in each DAG: `load: 400`."""
    widest: dict[str, tuple[int, str]] = {}
    for task, dag_id in ((t, r.expansion.dag_id) for r in records for t in r.expansion if t.mapped):
        widest[dag_id] = max(widest.get(dag_id, (0, "")), (task.count or 0, f"{task.task_id}: {task.count}"))
    return {dag_id: text for dag_id, (_, text) in widest.items()}


def _write_coverage(report: SessionReport) -> Iterator[str]:
    covered = report.coverage
    if not covered:
        return
    percent = find_percent(covered)
    yield f"<details><summary>Expansion coverage: {percent:.0f}% of {count_owners(len(covered))}</summary>"
    yield from ("", "| DAG | mapped | seen | not yet |", "|---|---|---|---|")
    for one in covered[:MOST_ROWS]:
        missing = ", ".join(sight for sight in one.wanted if sight not in one.seen)
        yield f"| {code(one.dag_id)} | {code(one.owner)} | {', '.join(one.seen)} | {missing} |"
    yield from (*_count_left_out(len(covered)), "", "</details>", "")


def _write_diagrams(report: SessionReport) -> Iterator[str]:
    """Draw what tests planned and ran, and what became of DAGs that none did; the failed ones first."""
    failed = {check.nodeid for check in report.checks if check.outcome in BAD}
    tested = {record.expansion.dag_id for record in report.expansions if record.kind != "expands"}
    chosen = [r for r in report.expansions if r.kind != "expands" or _stands_for(r, tested)]
    chosen.sort(key=lambda record: (record.nodeid not in failed, record.kind == "expands"))
    if chosen:
        yield from ("### Expansions", "")
    for record in chosen[:MOST_DIAGRAMS]:
        state = f" ({record.state})" if record.state else ""
        title = f"{record.expansion.dag_id}: {record.name}{state}, by {record.nodeid}"
        yield f"<details><summary>{escape_html(title)}</summary>"
        yield from ("", *block(to_mermaid(record.expansion).splitlines(), "mermaid"), "</details>", "")
    if len(chosen) > MOST_DIAGRAMS:
        yield from (f"... and {len(chosen) - MOST_DIAGRAMS} more: see the HTML report", "")


def _stands_for(record: ExpansionRecord, tested: set[str]) -> bool:
    """Of a DAG that no test plans or runs, its sizes with two items are shown."""
    return record.expansion.dag_id not in tested and record.name.endswith(("=2", "as written"))


def _count_left_out(number: int) -> list[str]:
    return ["", f"... and {number - MOST_ROWS} more"] if number > MOST_ROWS else []


def escape_html(text: str) -> str:
    """Write *text* on one line inside of an HTML element, where Markdown is not read."""
    return (
        printable.escape(" ".join(text.split()))
        .replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
    )


def escape(text: str) -> str:
    """Write *text* on one line where Markdown is read, so that it stays text."""
    return re.sub(r"([\\`*_{}\[\]()#+!|~])", r"\\\1", escape_html(text))
