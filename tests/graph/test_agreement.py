"""A plan and what was observed: the same, or a finding that says how they differ."""

from __future__ import annotations

import pytest

from pytest_dynadag.graph.agreement import DisagreementError, check_agreement
from pytest_dynadag.graph.expansion import Expansion
from pytest_dynadag.graph.given import Given
from pytest_dynadag.graph.planner import plan
from pytest_dynadag.graph.sources import Output, Product
from pytest_dynadag.graph.structure import Structure, Task

SALES = Structure(
    "sales",
    (
        Task(task_id="names"),
        Task(task_id="load", mapping=Product((("name", Output("names")),)), upstream=("names",)),
    ),
)


def sales(*names: str) -> Expansion:
    """Plan the DAG for some names."""
    return plan(SALES, Given.of({"names": list(names)}))


def test_the_same_is_silent() -> None:
    """Equal expansions agree."""
    check_agreement(sales("a", "b"), sales("a", "b"))


def test_a_difference_is_told_from_plan_to_run() -> None:
    """The error carries both, the difference and the finding; its text says what differs and what to do."""
    with pytest.raises(DisagreementError) as failed:
        check_agreement(sales("a", "b"), sales("a"))

    assert str(failed.value) == (
        "DYN306 plan and run of DAG 'sales' disagree, from plan to run:\n"
        "  load: 2 instances, then 1\n"
        "  - load[1] name='b'\n"
        "  next: plan with given=run.xcoms, what the run's tasks returned; if that was given, one of the two is wrong "
        "about Airflow: please report it with both\n"
        "more: pytest --dynadag-explain DYN306"
    )
    assert ["DYN306"] == [finding.rule for finding in failed.value.findings]
    assert failed.value.difference
