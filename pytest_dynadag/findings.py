"""A reported problem: rule code, DAG, file:line, what, why it matters, what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pytest_dynadag.location import Location

RULES: dict[str, str] = {
    "DYN101": "a second parse in the same process differs",
    "DYN102": "generation depends on the hash seed",
    "DYN103": "generation depends on the clock",
    "DYN104": "generation depends on randomness",
    "DYN105": "generation depends on the order of a directory listing",
    "DYN106": "generation depends on the environment",
    "DYN107": "generation depends on the time zone",
    "DYN108": "generation depends on the parsing context",
    "DYN109": "generation differs only under several circumstances together, or the cause is not isolated",
    "DYN110": "what a run does depends on the order in which instances finish",
    "DYN201": "an operator is created while a task runs",
    "DYN202": "an operator goes through XCom",
    "DYN203": "a dependency is set while a task runs",
    "DYN204": "a DAG is created while a task runs",
    "DYN301": "an output cannot be mapped over",
    "DYN302": "more instances than max_map_length",
    "DYN303": "mapping over something that never becomes ready",
    "DYN304": "two instances of a task share a label",
    "DYN305": "a known Airflow defect changes what happens here",
    "DYN306": "plan and run disagree",
    "DYN401": "import error",
    "DYN402": "import timeout",
    "DYN403": "duplicate dag_id",
    "DYN404": "the importing process died",
    "DYN405": "database access while parsing",
    "DYN406": "not serialisable",
}
"""Every rule code with its one-line meaning; a code is never reused for something else."""


@dataclass(frozen=True, slots=True)
class Finding:
    """
    A reported problem with a stable rule code.

    *location* is the line of the user's file, or None where none can be named; *remedy* says what to do.
    """

    rule: str
    dag_id: str | None
    location: Location | None
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        where = f"{self.location}: " if self.location else ""
        remedy = f"\n  next: {self.remedy}" if self.remedy else ""
        return f"{where}{self.rule} {self.message}{remedy}"

    def to_dict(self) -> dict[str, Any]:
        """Give the finding as plain JSON data."""
        place = self.location.to_dict() if self.location else None
        return {
            "rule": self.rule,
            "dag_id": self.dag_id,
            "location": place,
            "message": self.message,
            "remedy": self.remedy,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Finding:
        """Read what `to_dict` wrote."""
        place = Location.from_dict(data["location"]) if data["location"] else None
        return cls(data["rule"], data["dag_id"], place, data["message"], data["remedy"])


def add_references(message: str, findings: Iterable[Finding]) -> str:
    """Add to a *message* about *findings*, for each rule once, how to read what the reference says of it."""
    rules = dict.fromkeys(finding.rule for finding in findings)
    return "\n".join([message, *(f"more: pytest --dynadag-explain {rule}" for rule in rules)])
