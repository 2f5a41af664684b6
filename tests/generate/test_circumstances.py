"""Which circumstances a check varies, and what it says of the others."""

from __future__ import annotations

import pytest

from pytest_dynadag.generate import determinism
from pytest_dynadag.generate.circumstances import CIRCUMSTANCES, Own
from pytest_dynadag.generate.instruments import zone

DEFAULTS = tuple(name for name in CIRCUMSTANCES if name != "working_directory")


def test_all_but_those_on_request_are_varied() -> None:
    """Unless something else is asked for, every circumstance is varied, the user's own included, and nothing is left out."""
    own = (Own("stage", "stages:stage"),)

    assert ((*DEFAULTS, "stage"), ()) == determinism._choose_possible((), own)


def test_one_is_switched_off_and_one_is_asked_for() -> None:
    """What is switched off is not checked; what is varied on request only is not missed where nobody asks."""
    names, not_checked = determinism._choose_possible(("-clock", "+working_directory"), ())

    assert {*CIRCUMSTANCES} - {"clock"} == {*names}
    assert ("the clock: switched off",) == not_checked


def test_a_machine_without_time_zones_is_no_reason_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system cannot change its time zone, that one is not checked, and the package that helps is named."""
    monkeypatch.setattr(zone, "is_available", lambda: False)

    names, not_checked = determinism._choose_possible((), ())

    assert {*DEFAULTS} - {"time_zone"} == {*names}
    expected = "the time zone: the system does not know the time zones by name (package tzdata)"
    assert (expected,) == not_checked
