"""Trigger rules: what becomes of an instance, given how the rows that it waits for have ended so far."""

# Source: TriggerRuleDep, ti_deps/deps/trigger_rule_dep.py (2.10.5 to 3.4.0b2: `_evaluate_direct_relatives`). Some rules
# decide on the first skip or failure, others wait for every row. Where no row counts (none is there yet), *total* is
# zero: some rules then pass, others skip, as in Airflow.

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from pytest_dynadag.graph.states import FAILED, SKIPPED, SUCCESS, UNKNOWN_STATE, UPSTREAM_FAILED


@dataclass(slots=True)
class Tally:
    """
    The rows that one instance waits for.

    *total* counts all of them, *ended* those that have ended, by state; *setups* and *ended_setups* the same for
    those of setup tasks alone. A row whose end is not known counts as a success.
    """

    total: int = 0
    ended: dict[str, int] = field(default_factory=dict)
    setups: int = 0
    ended_setups: dict[str, int] = field(default_factory=dict)

    def add(self, total: int, ended: Mapping[str, int], *, is_setup: bool = False) -> None:
        """Count *total* further rows, of which *ended* have ended."""
        self.total += total
        self.setups += total if is_setup else 0
        for state, number in ended.items():
            name = SUCCESS if state == UNKNOWN_STATE else state
            self.ended[name] = self.ended.get(name, 0) + number
            if is_setup:
                self.ended_setups[name] = self.ended_setups.get(name, 0) + number

    def number(self, *states: str) -> int:
        """Return how many rows have ended in one of *states*."""
        return sum(self.ended.get(state, 0) for state in states)

    @property
    def success(self) -> int:
        """How many succeeded."""
        return self.ended.get(SUCCESS, 0)

    @property
    def skipped(self) -> int:
        """How many were skipped."""
        return self.ended.get(SKIPPED, 0)

    @property
    def bad(self) -> int:
        """How many failed, or never ran because of a failure."""
        return self.number(FAILED, UPSTREAM_FAILED)

    @property
    def done(self) -> bool:
        """Whether all have ended."""
        return sum(self.ended.values()) >= self.total


class Judgement(NamedTuple):
    """The *state* in which the scheduler ends an instance, if it does, and whether the instance may start (*met*)."""

    state: str | None
    met: bool


def judge(rule: str, upstream: Tally) -> Judgement:
    """Return what a trigger rule, by Airflow's name, makes of an instance."""
    return _RULES.get(rule, judge_all_success)(upstream)


def judge_all_success(up: Tally) -> Judgement:
    """Start once all have succeeded; a failure or a skip decides otherwise."""
    state = UPSTREAM_FAILED if up.bad else SKIPPED if up.skipped else None
    return Judgement(state, up.success >= up.total)


def _all_failed(up: Tally) -> Judgement:
    return Judgement(SKIPPED if up.success or up.skipped else None, up.bad >= up.total)


def _all_skipped(up: Tally) -> Judgement:
    return Judgement(SKIPPED if up.success or up.bad else None, up.skipped >= up.total)


def _one_success(up: Tally) -> Judgement:
    ended_without = up.done and not up.success
    state = SKIPPED if up.skipped == up.total else UPSTREAM_FAILED
    return Judgement(state if ended_without else None, up.success > 0)


def _one_failed(up: Tally) -> Judgement:
    return Judgement(SKIPPED if up.done and not up.bad else None, up.bad > 0)


def _one_done(up: Tally) -> Judgement:
    number = up.number(SUCCESS, FAILED)
    return Judgement(SKIPPED if up.done and not number else None, number > 0)


def _none_failed(up: Tally) -> Judgement:
    return Judgement(UPSTREAM_FAILED if up.bad else None, up.success + up.skipped >= up.total)


def _none_failed_min_one_success(up: Tally) -> Judgement:
    # Before 3.3 the state and the start do not exclude each other: see `Behaviour.expands_what_it_skips`.
    state = UPSTREAM_FAILED if up.bad else SKIPPED if up.skipped == up.total else None
    return Judgement(state, up.success + up.skipped >= up.total)


def _none_skipped(up: Tally) -> Judgement:
    return Judgement(SKIPPED if up.skipped else None, up.done and not up.skipped)


def _all_done_min_one_success(up: Tally) -> Judgement:
    failed = up.done and not up.success
    state = SKIPPED if up.skipped else UPSTREAM_FAILED if failed else None
    return Judgement(state, up.done and not up.skipped and up.success > 0)


def _all_done_setup_success(up: Tally) -> Judgement:
    if not up.done or not up.setups:
        return Judgement(None, up.done)
    if up.ended_setups.get(SKIPPED, 0) >= up.setups:
        return Judgement(SKIPPED, met=False)
    return (
        Judgement(None, met=True) if up.ended_setups.get(SUCCESS) else Judgement(UPSTREAM_FAILED, met=False)
    )


_RULES: dict[str, Callable[[Tally], Judgement]] = {
    "all_success": judge_all_success,
    "all_failed": _all_failed,
    "all_done": lambda up: Judgement(None, up.done),
    "all_skipped": _all_skipped,
    "one_success": _one_success,
    "one_failed": _one_failed,
    "one_done": _one_done,
    "none_failed": _none_failed,
    "none_failed_min_one_success": _none_failed_min_one_success,
    "none_skipped": _none_skipped,
    "all_done_min_one_success": _all_done_min_one_success,
    "all_done_setup_success": _all_done_setup_success,
    "always": lambda up: Judgement(None, met=True),
    "dummy": lambda up: Judgement(None, met=True),
}
