"""What the process that controls a session makes of the reports that it gets."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_dynadag.plugin.properties import CHECK
from pytest_dynadag.plugin.report import Reporter

NODEID = "dags/sales.py::sales::expands"


@pytest.fixture
def reporter(request: pytest.FixtureRequest) -> Reporter:
    """Give a reporter of no session in particular."""
    session: Any = SimpleNamespace(config=request.config)
    return Reporter(session)


def tell(reporter: Reporter, outcome: Any, message: Any = None, when: Any = "call") -> None:
    """Tell it how a phase of the check went."""
    report = pytest.TestReport(NODEID, ("dags/sales.py", 3, "expands"), {}, outcome, message, when)
    report.user_properties.append((CHECK, "expands"))
    report.node = object()  # type: ignore[attr-defined] - as pytest-xdist does, which names its worker in the text
    reporter.pytest_runtest_logreport(report)


def test_a_message_is_that_of_the_failure(reporter: Reporter) -> None:
    """Phases that pass say nothing, whichever process they passed in."""
    tell(reporter, "passed", when="setup")
    tell(reporter, "failed", "it is one too few")

    assert [("failed", "it is one too few")] == [(c.outcome, c.message) for c in reporter.checks.values()]


def test_a_test_that_begins_anew_is_told_anew(reporter: Reporter) -> None:
    """What a further try does counts, and the one before it does not."""
    tell(reporter, "passed", when="setup")
    tell(reporter, "rerun", "it is one too few")
    tell(reporter, "passed", when="setup")
    tell(reporter, "passed")

    assert [("passed", "")] == [(check.outcome, check.message) for check in reporter.checks.values()]


def test_a_broken_teardown_is_an_error(reporter: Reporter) -> None:
    """What breaks beside the check itself is told from a check that fails, and the worst counts."""
    tell(reporter, "failed", "it is one too few")
    tell(reporter, "failed", "cannot clean up", when="teardown")

    assert [("error", "it is one too few")] == [(c.outcome, c.message) for c in reporter.checks.values()]
