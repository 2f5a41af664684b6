"""Trigger rules: what becomes of an instance, and when, given how and when all that it waits for ended."""

# Source: TriggerRuleDep, ti_deps/deps/trigger_rule_dep.py (2.10.5 to 3.3.2: `_evaluate_direct_relatives`,
# `_evaluate_setup_constraint`). Some rules decide on the first skip or failure they see, others wait for everything;
# so each verdict has a wave. Rows that nobody counts (an upstream that is not there yet) make *all* zero: some
# rules then pass, others skip, as in Airflow.

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from pytest_dynadag.graph.ends import (
    BAD,
    FAILED,
    SKIPPED,
    SUCCESS,
    UNKNOWN_STATE,
    UPSTREAM_FAILED,
    End,
    Verdict,
)

NEVER = 1 << 60


@dataclass(slots=True)
class Tally:
    """
    How the rows that one instance waits for ended.

    *counts* by state, *first* the wave of the first that ended in a state, *last* the wave of the last of all;
    *setups* counts those of setup tasks alone. A row whose end is not known counts as a success.
    """

    counts: dict[str, int] = field(default_factory=dict)
    first: dict[str, int] = field(default_factory=dict)
    last: int = -1
    setups: dict[str, int] = field(default_factory=dict)

    def add(self, ends: Mapping[End, int], *, is_setup: bool = False) -> None:
        """Count further rows."""
        for (state, wave), number in ends.items():
            state = SUCCESS if state == UNKNOWN_STATE else state  # noqa: PLW2901
            self.counts[state] = self.counts.get(state, 0) + number
            self.first[state] = min(self.first.get(state, NEVER), wave)
            self.last = max(self.last, wave)
            if is_setup:
                self.setups[state] = self.setups.get(state, 0) + number

    def note_overwritten(self, end: End) -> None:
        """Note that a row was seen with another end before the one that it has."""
        self.first[end.state] = min(self.first.get(end.state, NEVER), end.wave)

    def number(self, *states: str) -> int:
        """Count the rows that ended in one of *states*."""
        return sum(self.counts.get(state, 0) for state in states)

    def seen(self, *states: str) -> int:
        """Give the wave in which the first end in one of *states* is seen; `NEVER` if there is none."""
        return 1 + min((self.first[state] for state in states if state in self.first), default=NEVER)

    @property
    def all(self) -> int:
        """How many rows there are."""
        return sum(self.counts.values())

    @property
    def done(self) -> int:
        """The wave in which all are seen to have ended."""
        return self.last + 1


def tally(ends: Iterable[tuple[Mapping[End, int], bool]]) -> Tally:
    """Add up *(how many rows ended in which way, whether they are of a setup task)*."""
    total = Tally()
    for counted, is_setup in ends:
        total.add(counted, is_setup=is_setup)
    return total


def judge(rule: str, upstream: Tally) -> Verdict:
    """Give what the trigger rule makes of an instance, by Airflow's name of the rule."""
    return _RULES.get(rule, judge_all_success)(upstream)


def judge_all_success(up: Tally) -> Verdict:
    """Run once all have succeeded; the first failure or skip decides otherwise."""
    bad, skipped = up.seen(*BAD), up.seen(SKIPPED)
    if bad <= skipped and bad < NEVER:
        return Verdict(UPSTREAM_FAILED, bad)
    return Verdict(SKIPPED, skipped) if skipped < NEVER else Verdict(None, up.done)


def _on_first(state: str, *unwanted: str) -> Callable[[Tally], Verdict]:
    """End in *state* at the first row in an unwanted state, else run once all are done."""

    def rule(up: Tally) -> Verdict:
        seen = up.seen(*unwanted)
        return Verdict(state, seen) if seen < NEVER else Verdict(None, up.done)

    return rule


def _one(*wanted: str) -> Callable[[Tally], Verdict]:
    """Run at the first row in a wanted state, else skip once all are done."""

    def rule(up: Tally) -> Verdict:
        seen = up.seen(*wanted)
        return Verdict(None, seen) if seen < NEVER else Verdict(SKIPPED, up.done)

    return rule


def _judge_one_success(up: Tally) -> Verdict:
    if (seen := up.seen(SUCCESS)) < NEVER:
        return Verdict(None, seen)
    return Verdict(SKIPPED if up.number(SKIPPED) == up.all else UPSTREAM_FAILED, up.done)


def _judge_min_one_success(up: Tally) -> Verdict:
    if (bad := up.seen(*BAD)) < NEVER:
        return Verdict(UPSTREAM_FAILED, bad)
    return Verdict(SKIPPED if up.number(SKIPPED) == up.all else None, up.done)


def _judge_done_min_one_success(up: Tally) -> Verdict:
    if (skipped := up.seen(SKIPPED)) < NEVER:
        return Verdict(SKIPPED, skipped)
    return Verdict(None if up.number(SUCCESS) else UPSTREAM_FAILED, up.done)


def _judge_setup_success(up: Tally) -> Verdict:
    setups = sum(up.setups.values())
    if not setups:
        return Verdict(None, up.done)
    if up.setups.get(SKIPPED, 0) >= setups:
        return Verdict(SKIPPED, up.done)
    return Verdict(None if up.setups.get(SUCCESS) else UPSTREAM_FAILED, up.done)


_RULES: dict[str, Callable[[Tally], Verdict]] = {
    "all_success": judge_all_success,
    "all_failed": _on_first(SKIPPED, SUCCESS, SKIPPED),
    "all_done": _on_first(SKIPPED),
    "all_skipped": _on_first(SKIPPED, SUCCESS, FAILED, UPSTREAM_FAILED),
    "one_success": _judge_one_success,
    "one_failed": _one(FAILED, UPSTREAM_FAILED),
    "one_done": _one(SUCCESS, FAILED),
    "none_failed": _on_first(UPSTREAM_FAILED, FAILED, UPSTREAM_FAILED),
    "none_failed_min_one_success": _judge_min_one_success,
    "none_skipped": _on_first(SKIPPED, SKIPPED),
    "all_done_min_one_success": _judge_done_min_one_success,
    "all_done_setup_success": _judge_setup_success,
    "always": lambda up: Verdict(None, 0),
    "dummy": lambda up: Verdict(None, 0),
}
