"""What the reports add to the terminal: findings by rule, and what of the mapped tasks and groups was covered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pytest_dynadag.findings import RULES
from pytest_dynadag.render.coverage import SIGHTS, Covered, find_percent
from pytest_dynadag.render.report import FindingRecord

MOST_DAGS = 3
"""Named in a line; the rest is counted."""


def describe_coverage(covered: Sequence[Covered], *, full: bool, least: float | None) -> list[str]:
    """
    Say what was covered.

    Args:
        covered: By mapped task and group.
        full: Whether to give the table, or the percent line alone.
        least: How many percent were asked for.
    """
    wanted = f", at least {least:g}% asked for" if least is not None else ""
    total = f"{find_percent(covered):.0f}% of what {count_owners(len(covered))} can become{wanted}"
    if not full or not covered:
        return [total]
    rows = [("mapped", *SIGHTS), *(_make_row(one) for one in covered)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in rows]
    return [*(line.rstrip() for line in lines), total]


def count_owners(number: int) -> str:
    """Write how many tasks and groups are mapped."""
    return "1 mapped task or group" if number == 1 else f"{number} mapped tasks and groups"


def _make_row(one: Covered) -> tuple[str, ...]:
    marks = ("yes" if s in one.seen else "-" if s in one.wanted else "" for s in SIGHTS)
    return (f"{one.dag_id}.{one.owner}", *marks)


def describe_findings(findings: Iterable[FindingRecord]) -> list[str]:
    """Say how often each rule was found, and where; what is accepted is said elsewhere, with its reasons."""
    found: dict[str, list[FindingRecord]] = {}
    for record in findings:
        if record.allowed is None:
            found.setdefault(record.finding.rule, []).append(record)
    return [_describe_rule(rule, found[rule]) for rule in sorted(found)]


def _describe_rule(rule: str, records: Sequence[FindingRecord]) -> str:
    names = list(dict.fromkeys(_name_place(record) for record in records))
    more = f" and {len(names) - MOST_DAGS} more" if len(names) > MOST_DAGS else ""
    return f"{rule}  {len(records)} x {RULES.get(rule, 'unknown rule')}: {', '.join(names[:MOST_DAGS])}{more}"


def _name_place(record: FindingRecord) -> str:
    place = record.finding.location
    return record.finding.dag_id or (place.file if place else "somewhere")
