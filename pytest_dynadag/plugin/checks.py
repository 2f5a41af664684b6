"""The checks that need no test code: a DAG file loads, a DAG expands whatever the lengths of its sources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pytest_dynadag.allowances import Accepted, Allowance, split_findings
from pytest_dynadag.findings import Finding, add_references
from pytest_dynadag.generate.records import FileRecord
from pytest_dynadag.graph.expansion import Expansion
from pytest_dynadag.graph.sizes import Outlook


class CheckFailure(AssertionError):  # noqa: N818 - a check fails, nobody has made an error
    """A check that failed; its text is the whole message, and *findings* are what was found."""

    def __init__(self, message: str, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__(add_references(message, self.findings))


def check_imports(record: FileRecord, allowances: Sequence[Allowance] = ()) -> tuple[Accepted, ...]:
    """
    Fail if the file, or a DAG in it, could not be loaded.

    Returns:
        What was found and is accepted.

    Raises:
        CheckFailure: With everything else that was found.
    """
    left, accepted = split_findings((failure.finding for failure in record.failures), allowances)
    if left:
        told = [str(failure) for failure in record.failures if failure.finding in left]
        raise CheckFailure("\n\n".join(told), left)
    return accepted


def check_expansions(outlook: Outlook, allowances: Sequence[Allowance] = ()) -> tuple[Accepted, ...]:
    """
    Fail if what a DAG becomes at some size cannot be meant.

    Returns:
        What was found and is accepted.

    Raises:
        CheckFailure: Something cannot be mapped over; each finding once, with the sizes it appears at.
    """
    left, accepted = split_findings(outlook.problems, allowances)
    if left:
        raise CheckFailure(describe_findings(left, outlook.plans), left)
    return accepted


def describe_findings(found: Iterable[Finding], plans: Mapping[str, Expansion]) -> str:
    """Say what was found, and at which of the *plans* where it was not all of them."""
    parts = []
    for finding in found:
        names = [name for name, plan in plans.items() if finding in plan.findings]
        where = f"\n  seen with {', '.join(names)}" if len(names) < len(plans) else ""
        parts.append(f"{finding}{where}")
    return "\n\n".join(parts)
