"""What the reports of items carry for us, under which names: it travels with them from xdist's workers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

ALLOWED = "dynadag_allowed"
"""Under what name a report carries the findings that were accepted."""
NOT_CHECKED = "dynadag_not_checked"
"""Under what name a report says what was not checked."""
SNAPSHOT = "dynadag_snapshot"
"""Under what name a report says which snapshot of a case was written or deleted."""
CHECK = "dynadag_check"
"""Under what name a report says which kind of check it is about."""
TEST = "test"
"""The kind of a test function."""


def find_accepted(stats: Mapping[str, Iterable[Any]], root: Path) -> list[str]:
    """Give what the reports of a session carry of accepted findings, each once, with paths below *root*."""
    return [line.replace(f"{root}/", "") for line in _find_properties(stats, ALLOWED)]


def find_not_checked(stats: Mapping[str, Iterable[Any]]) -> list[str]:
    """Give what the reports of a session carry of what was not checked, each once."""
    return _find_properties(stats, NOT_CHECKED)


def find_snapshots(stats: Mapping[str, Iterable[Any]]) -> list[str]:
    """Give what the reports of a session carry of snapshots of cases that were written or deleted."""
    return _find_properties(stats, SNAPSHOT)


def _find_properties(stats: Mapping[str, Iterable[Any]], wanted: str) -> list[str]:
    reports = [report for reports in stats.values() for report in reports]
    properties = [pair for report in reports for pair in getattr(report, "user_properties", ())]
    return list(dict.fromkeys(str(value) for name, value in properties if name == wanted))
