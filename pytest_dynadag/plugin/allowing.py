"""Findings that a project accepts, each with its reason: the ini `dynadag_allow`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from pytest_dynadag.errors import DynadagError, suggest
from pytest_dynadag.findings import RULES, Finding


class AllowanceError(DynadagError):
    """A line of `dynadag_allow` that cannot be meant: *line*, and *why*."""

    def __init__(self, line: str, why: str) -> None:
        self.line, self.why = line, why
        super().__init__(
            f"ini dynadag_allow: {line!r}: {why}\n  next: write `DYN102:sales = why this is accepted`, "
            "or `DYN102 = ...` for every DAG; the name of the DAG may be a pattern"
        )


@dataclass(frozen=True, slots=True)
class Allowance:
    """A finding that is accepted: its rule, a pattern of dag_ids, and why."""

    rule: str
    dag_ids: str
    reason: str

    @classmethod
    def read(cls, line: str) -> Allowance:
        """Read `DYN102:sales = reason`; raises `AllowanceError`."""
        what, _, reason = (part.strip() for part in line.partition("="))
        rule, _, dag_ids = what.partition(":")
        if rule.strip() not in RULES:
            raise AllowanceError(line, f"there is no rule {rule.strip()!r}; {suggest(rule.strip(), RULES)}")
        if not reason:
            raise AllowanceError(line, "it has no reason")
        return cls(rule.strip(), dag_ids.strip() or "*", reason)

    def accepts(self, finding: Finding) -> bool:
        """Tell whether it is about *finding*."""
        return finding.rule == self.rule and fnmatchcase(finding.dag_id or "", self.dag_ids)

    def __str__(self) -> str:
        return f"{self.rule} of {self.dag_ids}: {self.reason}"


def find_allowance(finding: Finding, allowances: Iterable[Allowance]) -> Allowance | None:
    """Give the allowance that accepts *finding*."""
    return next((entry for entry in allowances if entry.accepts(finding)), None)
