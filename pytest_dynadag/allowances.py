"""Findings that a project accepts, each with its reason: the ini `dynadag_allow`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from pytest_dynadag.errors import DynadagError, suggest
from pytest_dynadag.findings import RULES, Finding

Accepted = tuple[Finding, str]
"""A finding that is accepted, and the reason."""


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
    """
    Findings that are accepted.

    Attributes:
        rule: Their rule.
        subject: A pattern of dag_ids, or of `dag_id.task_id` where a finding is about a task that runs.
        reason: Why they are accepted.
    """

    rule: str
    subject: str
    reason: str

    @classmethod
    def read(cls, line: str) -> Allowance:
        """Read `DYN102:sales = reason`; raises `AllowanceError`."""
        what, _, reason = (part.strip() for part in line.partition("="))
        rule, _, subject = (part.strip() for part in what.partition(":"))
        if rule not in RULES:
            raise AllowanceError(line, f"there is no rule {rule!r}; {suggest(rule, RULES)}")
        if not reason:
            raise AllowanceError(line, "it has no reason")
        return cls(rule, subject or "*", reason)

    def accepts(self, finding: Finding, task_id: str | None = None) -> bool:
        """Tell whether it is about *finding*, which is about *task_id* if that is known."""
        names = [finding.dag_id or "", *([f"{finding.dag_id}.{task_id}"] if task_id else [])]
        return finding.rule == self.rule and any(fnmatchcase(name, self.subject) for name in names)

    def __str__(self) -> str:
        return f"{self.rule} of {self.subject}: {self.reason}"


def read_allowances(lines: Iterable[str]) -> tuple[Allowance, ...]:
    """Read the lines of `dynadag_allow`; raises `AllowanceError`."""
    return tuple(Allowance.read(line) for line in lines if line.strip())


def find_reason(finding: Finding, allowances: Iterable[Allowance], task_id: str | None = None) -> str | None:
    """Give the reason for which *finding* is accepted, None where it is not."""
    return next((entry.reason for entry in allowances if entry.accepts(finding, task_id)), None)


def split_findings(
    findings: Iterable[Finding], allowances: Iterable[Allowance]
) -> tuple[tuple[Finding, ...], tuple[Accepted, ...]]:
    """Give the findings that stay, and those that are accepted."""
    allowances = tuple(allowances)
    reasons = [(finding, find_reason(finding, allowances)) for finding in findings]
    return (
        tuple(finding for finding, reason in reasons if reason is None),
        tuple((finding, reason) for finding, reason in reasons if reason is not None),
    )
