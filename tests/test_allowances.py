"""What a project accepts: how it is written, and what it is about."""

from __future__ import annotations

import pytest

from pytest_dynadag.allowances import AllowanceError, find_reason, read_allowances, split_findings
from pytest_dynadag.findings import Finding

CLOCK = Finding("DYN103", "daily_sales", None, "depends on the clock")


@pytest.mark.parametrize("line", ["DYN103 = why", "DYN103:daily_sales = why", "DYN103: daily_* = why"])
def test_a_line_accepts_a_rule_of_some_dags(line: str) -> None:
    """A rule alone is about every DAG, a pattern about those that it fits."""
    assert "why" == find_reason(CLOCK, read_allowances(["", line]))


@pytest.mark.parametrize("line", ["DYN102 = why", "DYN103:sales = why", "DYN103:daily_sales.load = why"])
def test_nothing_else_is_accepted(line: str) -> None:
    """Another rule, another DAG, or a task where the finding is about the whole DAG."""
    assert find_reason(CLOCK, read_allowances([line])) is None


def test_a_task_can_be_named() -> None:
    """What a task made while it ran can be accepted of that task alone."""
    made = Finding("DYN201", "sales", None, "task 'load' makes an operator")
    allowances = read_allowances(["DYN201:sales.load = counted only"])

    assert "counted only" == find_reason(made, allowances, "load")
    assert find_reason(made, allowances, "report") is None


def test_a_reason_may_say_anything() -> None:
    """What stands behind the first `=` is the reason, whatever is in it."""
    assert "a = b: see #12" == find_reason(CLOCK, read_allowances(["DYN103 = a = b: see #12"]))


def test_findings_are_split() -> None:
    """What stays and what is accepted come in their order, the accepted with the reason."""
    other = Finding("DYN102", "sales", None, "depends on the hash seed")

    assert ((other,), ((CLOCK, "why"),)) == split_findings([CLOCK, other], read_allowances(["DYN103 = why"]))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("DYN102:sales", "it has no reason"),
        ("DYN102 =", "it has no reason"),
        ("DYN20 = why", "there is no rule 'DYN20'; did you mean 'DYN204' or 'DYN203' or 'DYN202'?"),
    ],
)
def test_what_cannot_be_meant_is_refused(line: str, why: str) -> None:
    """A slip would accept nothing, or everything, in silence."""
    with pytest.raises(AllowanceError) as refused:
        read_allowances([line])

    assert str(refused.value) == (
        f"ini dynadag_allow: {line!r}: {why}\n  next: write `DYN102:sales = why this is accepted`, "
        "or `DYN102 = ...` for every DAG; the name of the DAG may be a pattern"
    )
    assert (line, why) == (refused.value.line, refused.value.why)
