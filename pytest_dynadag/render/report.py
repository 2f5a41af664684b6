"""The report of a session as plain data: what was checked, planned, run and found. Every form is made from it."""

# JSON only: the processes of a session write their parts to files, and whoever reads a report must not run anything.
# The JSON form is public: docs/schema/report.schema.json describes it, and FORMAT says which version it is.

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pytest_dynadag.findings import Finding
from pytest_dynadag.graph.expansion import Expansion
from pytest_dynadag.graph.structure import Structure
from pytest_dynadag.location import Location
from pytest_dynadag.render.coverage import Covered, measure

FORMAT = 1
"""Version of the JSON form of a report."""

PASSED, FAILED, ERROR, SKIPPED = "passed", "failed", "error", "skipped"
OUTCOMES = (PASSED, SKIPPED, FAILED, ERROR)
"""How a check may go, the best first."""
BAD = (FAILED, ERROR)


def find_worse(one: str, other: str) -> str:
    """Give the one of two outcomes that is further from what everybody wants."""
    return max(one, other, key=OUTCOMES.index)


@dataclass(frozen=True, slots=True, repr=False)
class DagRecord:
    """
    A DAG as one file, in one state of the metadata, gives it.

    *structure* is what it is, *digest* the name that expansions call it by, *file* where it stands (empty for a DAG
    built in a test), *seconds* how long its file took to load.
    """

    structure: Structure
    digest: str
    file: str = ""
    seconds: float = 0.0

    def __repr__(self) -> str:
        return f"<DagRecord {self.structure.dag_id!r} of {self.file or 'a test'}>"

    def to_dict(self) -> dict[str, Any]:
        """Give the record as JSON."""
        return {
            "dag_id": self.structure.dag_id,
            "digest": self.digest,
            "file": self.file,
            "seconds": self.seconds,
            "structure": self.structure.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> DagRecord:
        """Read what `to_dict` wrote."""
        return cls(Structure.from_dict(data["structure"]), data["digest"], data["file"], data["seconds"])


@dataclass(frozen=True, slots=True)
class CheckRecord:
    """
    How one check or test went.

    *kind* is `imports`, `expands`, `deterministic`, `case` or `test`; *outcome* `passed`, `failed`, `error`
    (it broke before or after the check itself) or `skipped`; *message* what a failure said, *location* the line
    that it is about.
    """

    nodeid: str
    kind: str
    outcome: str
    dag_id: str | None = None
    seconds: float = 0.0
    message: str = ""
    location: Location | None = None

    def to_dict(self) -> dict[str, Any]:
        """Give the record as JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> CheckRecord:
        """Read what `to_dict` wrote."""
        place = data["location"]
        return cls(**{**data, "location": Location.from_dict(place) if place else None})


@dataclass(frozen=True, slots=True)
class ExpansionRecord:
    """
    An expansion that was planned or run.

    Attributes:
        nodeid: By which check or test.
        name: What tells it from others of the same test: the length of a source, or `plan`, `run 2`.
        kind: `plan`, `run`, `sizes` (planned for several lengths) or `expands` (so by the check of that name).
        structure: Digest of the structure it was made from.
        expansion: What it became.
        state: How the run ended; None for a plan.
        seconds: How long the run took.
    """

    nodeid: str
    name: str
    kind: str
    structure: str
    expansion: Expansion
    state: str | None = None
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Give the record as JSON."""
        plain = {name: getattr(self, name) for name in ("nodeid", "name", "kind", "structure")}
        return {
            **plain,
            "state": self.state,
            "seconds": self.seconds,
            "expansion": self.expansion.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ExpansionRecord:
        """Read what `to_dict` wrote."""
        return cls(**{**data, "expansion": Expansion.from_dict(data["expansion"])})


@dataclass(frozen=True, slots=True)
class FindingRecord:
    """
    A finding, once however often it was seen.

    *nodeids* say by which checks and tests, *source* is the line of the user's file as it reads, *allowed* the
    reason why it is accepted, None where it is not; *circumstance* what it depends on, where it tells.
    """

    finding: Finding
    nodeids: tuple[str, ...] = ()
    source: str = ""
    allowed: str | None = None
    circumstance: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Give the record as JSON: the finding's own fields, and what is known around it."""
        around = {"nodeids": list(self.nodeids), "source": self.source}
        return {
            **self.finding.to_dict(),
            **around,
            "allowed": self.allowed,
            "circumstance": self.circumstance,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> FindingRecord:
        """Read what `to_dict` wrote."""
        nodeids, source = tuple(data["nodeids"]), data["source"]
        return cls(Finding.from_dict(data), nodeids, source, data["allowed"], data["circumstance"])


@dataclass(frozen=True, slots=True)
class SnapshotRecord:
    """A snapshot that is not as it was: *before* is empty for a new one, *updated* says that it was written."""

    nodeid: str
    name: str
    before: str
    after: str
    updated: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Give the record as JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> SnapshotRecord:
        """Read what `to_dict` wrote."""
        return cls(**data)


@dataclass(frozen=True, eq=False, repr=False)
class SessionReport:
    """
    What one session did.

    Attributes:
        airflow_version: The Airflow that loaded the DAGs; empty where none was loaded.
        begun: When it began, ISO 8601 with its zone.
        seconds: How long it took.
        generation_seconds: How long the DAG files took to load.
        dags: Every DAG that was collected, and those that were planned or run besides.
        checks: How the checks went, and the tests that planned or ran.
        expansions: What was planned and run.
        findings: What was found.
        snapshots: The snapshots that are not as they were.
    """

    airflow_version: str = ""
    begun: str = ""
    seconds: float = 0.0
    generation_seconds: float = 0.0
    dags: tuple[DagRecord, ...] = ()
    checks: tuple[CheckRecord, ...] = ()
    expansions: tuple[ExpansionRecord, ...] = ()
    findings: tuple[FindingRecord, ...] = ()
    snapshots: tuple[SnapshotRecord, ...] = field(default=())

    def __repr__(self) -> str:
        return (
            f"<SessionReport: {len(self.dag_ids)} DAGs, {len(self.checks)} checks, "
            f"{len(self.expansions)} expansions, {len(self.findings)} findings>"
        )

    @cached_property
    def dag_ids(self) -> tuple[str, ...]:
        """The DAGs, each once."""
        return tuple(dict.fromkeys(record.structure.dag_id for record in self.dags))

    @cached_property
    def structures(self) -> dict[str, Structure]:
        """Every structure by its digest."""
        return {record.digest: record.structure for record in self.dags}

    @cached_property
    def coverage(self) -> tuple[Covered, ...]:
        """Which lengths and ends of each mapped task and group tests planned or ran; see `measure`."""
        tested = ((r.structure, r.expansion) for r in self.expansions if r.kind != "expands")
        return measure(self.structures, tested)

    @cached_property
    def open_findings(self) -> tuple[FindingRecord, ...]:
        """The findings that nobody accepted."""
        return tuple(record for record in self.findings if record.allowed is None)

    def status_of(self, dag_id: str) -> str:
        """Say how a DAG fares: `failed`, `passed`, or `unchecked` where nothing is said about it."""
        outcomes = {check.outcome for check in self.checks if check.dag_id == dag_id}
        found = any(record.finding.dag_id == dag_id for record in self.open_findings)
        if found or outcomes & set(BAD):
            return FAILED
        return PASSED if PASSED in outcomes else "unchecked"

    def to_dict(self) -> dict[str, Any]:
        """Give the report as JSON."""
        return {
            "format": FORMAT,
            "airflow": self.airflow_version,
            "begun": self.begun,
            "seconds": self.seconds,
            "generation_seconds": self.generation_seconds,
            "dags": [record.to_dict() for record in self.dags],
            "checks": [record.to_dict() for record in self.checks],
            "expansions": [record.to_dict() for record in self.expansions],
            "findings": [record.to_dict() for record in self.findings],
            "snapshots": [record.to_dict() for record in self.snapshots],
            "coverage": [covered.to_dict() for covered in self.coverage],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SessionReport:
        """
        Read what `to_dict` wrote; the coverage is counted anew.

        Raises:
            ValueError: The data has another format version.
        """
        if data.get("format") != FORMAT:
            raise ValueError(f"report format {data.get('format')!r}, but this version reads {FORMAT}")
        return cls(
            data["airflow"],
            data["begun"],
            data["seconds"],
            data["generation_seconds"],
            tuple(map(DagRecord.from_dict, data["dags"])),
            tuple(map(CheckRecord.from_dict, data["checks"])),
            tuple(map(ExpansionRecord.from_dict, data["expansions"])),
            tuple(map(FindingRecord.from_dict, data["findings"])),
            tuple(map(SnapshotRecord.from_dict, data["snapshots"])),
        )


def write_json(report: SessionReport) -> str:
    """Write the report as JSON; docs/schema/report.schema.json describes it."""
    # In ASCII, so that nothing in it moves a cursor, and that every text can be written.
    return json.dumps(report.to_dict()) + "\n"
