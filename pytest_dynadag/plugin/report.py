"""`--dynadag-report` and expansion coverage: gathers what a session did, at its end, and writes it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_dynadag.findings import Finding
from pytest_dynadag.location import Location
from pytest_dynadag.plugin.properties import CHECK
from pytest_dynadag.plugin.recording import read_recorded
from pytest_dynadag.render.coverage import find_percent
from pytest_dynadag.render.paths import shorten
from pytest_dynadag.render.report import (
    ERROR,
    OUTCOMES,
    CheckRecord,
    DagRecord,
    ExpansionRecord,
    FindingRecord,
    SessionReport,
    SnapshotRecord,
    find_worse,
)
from pytest_dynadag.render.writing import write_report

if TYPE_CHECKING:
    from pytest_dynadag.generate.records import Generation
    from pytest_dynadag.plugin.session import DagSession

LONGEST_MESSAGE = 20_000
"""Characters of a failure's text that a report keeps."""


@dataclass(eq=False, repr=False)
class Reporter:
    """Follows the reports of a session, as a plugin of the process that controls it, and writes at its end."""

    session: DagSession
    began: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    started: float = field(default_factory=time.perf_counter)
    checks: dict[str, CheckRecord] = field(default_factory=dict)
    unwritten: dict[Path, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<Reporter: {len(self.checks)} checks so far>"

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how a check went, phase by phase."""
        properties: dict[str, Any] = dict(report.user_properties)
        before = self.checks.get(report.nodeid)
        if CHECK not in properties:
            return
        if report.outcome not in OUTCOMES:  # as pytest-rerunfailures has it: the test begins anew
            self.checks.pop(report.nodeid, None)
            return
        broken = report.failed and report.when != "call"
        outcome = ERROR if broken else report.outcome
        self.checks[report.nodeid] = CheckRecord(
            report.nodeid,
            str(properties[CHECK]),
            find_worse(before.outcome if before else "passed", outcome),
            properties.get("dynadag_dag"),
            (before.seconds if before else 0.0) + report.duration,
            (before.message if before else "") or _read_message(report),
            (before.location if before else None) or self._locate(report),
        )

    def _locate(self, report: pytest.TestReport) -> Location | None:
        """Give the place that a failure is about: in the user's project, not in a library that it came through."""
        if not report.failed:
            return None
        root = self.session.config.rootpath
        crash = getattr(report.longrepr, "reprcrash", None)
        if crash is not None and crash.lineno and root in Path(crash.path).parents:
            return Location(str(crash.path), crash.lineno).relative_to(root)
        file, line, _ = report.location
        return Location(file, (line or 0) + 1)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the reports; one that cannot be written, and a coverage that is too low, fail the session."""
        for path in self.session.options.reports:
            try:
                write_report(self.report, path)
            except OSError as error:
                self.unwritten[path] = str(error)
        if (self.unwritten or self.falls_short) and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was found, what was covered where that was asked for, and where the reports are."""
        from pytest_dynadag.plugin.annotations import annotate, is_wanted
        from pytest_dynadag.render.summary import describe_coverage, describe_findings

        options, config = self.session.options, self.session.config
        if lines := describe_findings(self.outline.findings):
            terminalreporter.section("findings", sep="-")
            terminalreporter.write_line("\n".join(lines))
        if options.coverage or options.least_coverage is not None:
            full = options.coverage or self.falls_short
            lines = describe_coverage(self.report.coverage, full=full, least=options.least_coverage)
            terminalreporter.section("expansion coverage", sep="-")
            terminalreporter.write_line("\n".join(lines), red=self.falls_short)
        for path in options.reports:
            trouble, name = self.unwritten.get(path), shorten(str(path), config.invocation_params.dir)
            line = f"dynadag: could not write {name}: {trouble}" if trouble else f"dynadag: wrote {name}"
            terminalreporter.write_line(line, red=bool(trouble))
        plugins = (name for name, _ in config.pluginmanager.list_name_plugin())
        if is_wanted(self.session.environment, plugins):
            terminalreporter.write_line("\n".join(annotate(self.outline, config.rootpath)))

    @property
    def falls_short(self) -> bool:
        """Whether less is covered than was asked for."""
        least = self.session.options.least_coverage
        return least is not None and find_percent(self.report.coverage) < least

    @cached_property
    def noted(self) -> dict[str, list[dict[str, Any]]]:
        """What the processes noted, by kind."""
        noted: dict[str, list[dict[str, Any]]] = {}
        for entry in read_recorded(self.session.folder):
            noted.setdefault(entry.pop("what"), []).append(shorten(entry, self.session.config.rootpath))
        return noted

    @cached_property
    def outline(self) -> SessionReport:
        """How the items went and what was found, without what became of DAGs: enough for a session's last lines."""
        return SessionReport(
            checks=tuple(self.checks.values()),
            findings=tuple(_gather_findings(self.noted.get("finding", ()), self.session.config.rootpath)),
        )

    @cached_property
    def report(self) -> SessionReport:
        """What the session did, as far as it is over."""
        root = self.session.config.rootpath
        generation = self.session.collected_generation
        dags = tuple(_gather_dags(generation, self.noted.get("dag", ()), root))
        return replace(
            self.outline,
            airflow_version=generation.airflow_version if generation else _find_version(dags),
            begun=self.began.isoformat(timespec="seconds"),
            seconds=time.perf_counter() - self.started,
            generation_seconds=generation.seconds if generation else 0.0,
            dags=dags,
            expansions=tuple(map(ExpansionRecord.from_dict, self.noted.get("expansion", ()))),
            snapshots=tuple(map(SnapshotRecord.from_dict, self.noted.get("snapshot", ()))),
        )


def _read_message(report: pytest.TestReport) -> str:
    """Give what a failure says; `longreprtext` begins with which xdist worker it was, even where nothing failed."""
    return "" if report.longrepr is None else str(report.longrepr).strip()[:LONGEST_MESSAGE]


def _gather_dags(
    generation: Generation | None, noted: Iterable[dict[str, Any]], root: Path
) -> Iterator[DagRecord]:
    """Give the DAGs of the generation, then those that were only planned or run."""
    from pytest_dynadag.render.hiding import hide_in_structure

    known: set[str] = set()
    for record in generation.files if generation else ():
        for structure in record.structures:
            if structure.digest not in known:
                known.add(structure.digest)
                file, seconds = shorten(record.path, root), record.seconds / len(record.structures)
                yield _read_dag(structure.digest, shorten(hide_in_structure(structure), root), file, seconds)
    for entry in noted:
        if entry["digest"] not in known:
            known.add(entry["digest"])
            yield _read_dag(entry["digest"], entry["structure"])


def _read_dag(digest: str, structure: dict[str, Any], file: str = "", seconds: float = 0.0) -> DagRecord:
    place = structure["location"]
    file = file or (place["file"] if place else "")
    data = {"structure": structure, "digest": digest, "file": file, "seconds": seconds}
    return DagRecord.from_dict(data)


def _find_version(dags: Iterable[DagRecord]) -> str:
    return next((record.structure.airflow_version for record in dags), "")


def _gather_findings(noted: Iterable[dict[str, Any]], root: Path) -> Iterator[FindingRecord]:
    """Give each finding once, with all that saw it."""
    found: dict[Finding, FindingRecord] = {}
    for entry in noted:
        finding = Finding.from_dict(entry)
        before = found.get(finding)
        nodeids = tuple(dict.fromkeys([*(before.nodeids if before else ()), entry["nodeid"]]))
        source = before.source if before else _read_source(finding, root)
        circumstance = (before.circumstance if before else None) or entry["circumstance"]
        found[finding] = FindingRecord(finding, nodeids, source, entry["allowed"], circumstance)
    yield from found.values()


def _read_source(finding: Finding, root: Path) -> str:
    """Read the line that a finding points to; empty where there is none to be read."""
    place = finding.location
    if place is None:
        return ""
    try:
        lines = (root / place.file).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return ""
    return lines[place.line - 1] if 0 < place.line <= len(lines) else ""
