"""One report made of several: of the shards of a CI matrix, each of which saw a part of the tests."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pytest_dynadag.errors import DynadagError
from pytest_dynadag.findings import Finding
from pytest_dynadag.render.report import CheckRecord, FindingRecord, SessionReport, find_worse

T = TypeVar("T")


class UnreadableReportError(DynadagError):
    """A file is no report of ours: *path* is the file, *why* says what is wrong with it."""

    def __init__(self, path: Path, why: str) -> None:
        self.path, self.why = path, why
        super().__init__(
            f"{path}: not a report that can be merged: {why}\n"
            f"  next: write it with pytest --dynadag-report {path.with_suffix('.json').name}"
        )


def read_report(path: Path) -> SessionReport:
    """
    Read a report that `--dynadag-report PATH.json` wrote.

    Raises:
        UnreadableReportError: There is no such file, or something else is in it.
    """
    try:
        return SessionReport.from_dict(_read_object(path))
    except KeyError as error:
        raise UnreadableReportError(path, f"it lacks {error}") from None
    except RecursionError:
        raise UnreadableReportError(path, "it is nested too deeply") from None
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise UnreadableReportError(path, getattr(error, "strerror", None) or str(error)) from None


def _read_object(path: Path) -> dict[str, Any]:
    data = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(data, dict):
        raise ValueError(f"a {type(data).__name__} where an object is needed")
    return data


def merge(reports: Sequence[SessionReport]) -> SessionReport:
    """
    Give what several sessions did as if one had done it.

    Each DAG, check and finding stands in it once; of a check that several sessions made, the worst outcome. It
    begins when the first of them began; as they ran side by side, it took as long as the longest.
    """
    return SessionReport(
        airflow_version=", ".join(dict.fromkeys(r.airflow_version for r in reports if r.airflow_version)),
        begun=min(report.begun for report in reports),
        seconds=max(report.seconds for report in reports),
        generation_seconds=max(report.generation_seconds for report in reports),
        dags=tuple({record.digest: record for report in reports for record in report.dags}.values()),
        checks=_merge_checks(check for report in reports for check in report.checks),
        expansions=_drop_repeated(
            (record, (record.nodeid, record.name, record.kind, record.structure))
            for report in reports
            for record in report.expansions
        ),
        findings=_merge_findings(record for report in reports for record in report.findings),
        snapshots=_drop_repeated((record, record) for report in reports for record in report.snapshots),
    )


def _merge_checks(checks: Iterable[CheckRecord]) -> tuple[CheckRecord, ...]:
    merged: dict[str, CheckRecord] = {}
    for check in checks:
        before = merged.get(check.nodeid)
        if before is None or before.outcome != find_worse(before.outcome, check.outcome):
            merged[check.nodeid] = check
    return tuple(merged.values())


def _merge_findings(records: Iterable[FindingRecord]) -> tuple[FindingRecord, ...]:
    merged: dict[Finding, FindingRecord] = {}
    for record in records:
        before = merged.get(record.finding)
        seen_by = (*(before.nodeids if before else ()), *record.nodeids)
        merged[record.finding] = replace(before or record, nodeids=tuple(dict.fromkeys(seen_by)))
    return tuple(merged.values())


def _drop_repeated(records: Iterable[tuple[T, object]]) -> tuple[T, ...]:
    """Keep the first record of each key."""
    kept: dict[object, T] = {}
    for record, key in records:
        kept.setdefault(key, record)
    return tuple(kept.values())
