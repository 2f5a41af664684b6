"""Lines that GitHub Actions shows beside the code of a pull request: one for each place where something is wrong."""

# Source: "Workflow commands for GitHub Actions", setting an error message.

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pytest_dynadag.location import Location
from pytest_dynadag.render.report import BAD, SessionReport

PLUGIN = "pytest_github_actions_annotate_failures"
"""A plugin that annotates every failure: where it is at work, ours would be said twice."""
MOST = 50


def is_wanted(environment: Mapping[str, str], plugins: Iterable[str | None]) -> bool:
    """Tell whether the session runs in GitHub Actions, and nobody else annotates it."""
    return environment.get("GITHUB_ACTIONS") == "true" and PLUGIN not in plugins


def annotate(report: SessionReport, root: Path) -> list[str]:
    """
    Give the lines: each finding that is not allowed, at its place, and each failed check that no finding explains.

    Args:
        report: What the session did.
        root: What paths in the report are relative to; GitHub takes them from its own workspace on.
    """
    base = Path(os.environ.get("GITHUB_WORKSPACE") or root)
    return list(dict.fromkeys(_annotate(report, root, base)))[:MOST]


def _annotate(report: SessionReport, root: Path, base: Path) -> Iterator[str]:
    told: set[str] = set()
    for record in report.open_findings:
        finding = record.finding
        if finding.location is not None:
            told.update(record.nodeids)
            remedy = f"\nnext: {finding.remedy}" if finding.remedy else ""
            title = f"{finding.rule} {finding.dag_id or ''}".strip()
            yield format_error(_locate(finding.location, root, base), title, finding.message + remedy)
    for check in report.checks:
        if check.outcome in BAD and check.nodeid not in told and check.location:
            yield format_error(_locate(check.location, root, base), check.nodeid, check.message)


def _locate(place: Location, root: Path, base: Path) -> Location:
    return Location(str(root / place.file), place.line).relative_to(base)


def format_error(place: Location, title: str, message: str) -> str:
    """Write one line for GitHub Actions; whatever stands in the texts, it stays one line."""
    file, title = _escape_property(place.file), _escape_property(title)
    return f"::error file={file},line={place.line},title={title}::{_escape(message)}"


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
