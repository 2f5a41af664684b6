"""Trigger rules: what becomes of an instance once everything it waits for has ended."""

# Source: TriggerRuleDep._evaluate_direct_relatives, ti_deps/deps/trigger_rule_dep.py (2.11.2 and 3.3.2).
# Every rule is evaluated on final states; fast-failing rules give the same answer earlier.

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

SUCCESS, SKIPPED, FAILED, UPSTREAM_FAILED = "success", "skipped", "failed", "upstream_failed"
UNKNOWN_STATE = "unknown"


@dataclass(frozen=True, slots=True)
class Tally:
    """How many of the instances that one instance waits for ended in which state."""

    success: int = 0
    skipped: int = 0
    failed: int = 0
    upstream_failed: int = 0
    setup: int = 0
    setup_success: int = 0
    setup_skipped: int = 0

    @property
    def all(self) -> int:
        """All instances waited for."""
        return self.success + self.skipped + self.failed + self.upstream_failed

    @property
    def bad(self) -> int:
        """Those that failed, or could not run because something above them failed."""
        return self.failed + self.upstream_failed


def tally(states: Iterable[tuple[str, int, bool]]) -> Tally:
    """Add up *(state, how many, whether of a setup task)*."""
    counted: Counter[str] = Counter()
    for state, number, is_setup in states:
        counted[state] += number
        if is_setup:
            counted["setup"] += number
            if state in (SUCCESS, SKIPPED):
                counted[f"setup_{state}"] += number
    fields = ("success", "skipped", "failed", "upstream_failed", "setup", "setup_success", "setup_skipped")
    return Tally(**{name: counted[name] for name in fields})


def judge(rule: str, upstream: Tally, *, strict_min_one_success: bool = True) -> str | None:
    """
    Give the state that *rule* puts an instance in without running it, or None if it runs.

    Args:
        rule: Airflow's name of the trigger rule.
        upstream: What the instance waits for, all of it ended.
        strict_min_one_success: See `Behaviour`.
    """
    if upstream.all == 0 or rule in ("always", "dummy"):
        return None
    if rule == "none_failed_min_one_success" and not strict_min_one_success and not upstream.bad:
        return SKIPPED if upstream.skipped == upstream.all else None
    verdict = _VERDICTS.get(rule, _judge_all_success)
    return verdict(upstream)


def _judge_all_success(up: Tally) -> str | None:
    return UPSTREAM_FAILED if up.bad else SKIPPED if up.skipped else None


def _judge_one_success(up: Tally) -> str | None:
    if up.success:
        return None
    return SKIPPED if up.skipped == up.all else UPSTREAM_FAILED


def _judge_min_one_success(up: Tally) -> str | None:
    if up.bad:
        return UPSTREAM_FAILED
    return None if up.success else SKIPPED if up.skipped == up.all else UPSTREAM_FAILED


def _judge_done_min_one_success(up: Tally) -> str | None:
    if up.skipped:
        return SKIPPED
    return None if up.success else UPSTREAM_FAILED


def _judge_setup_success(up: Tally) -> str | None:
    if not up.setup:
        return None
    if up.setup_skipped >= up.setup:
        return SKIPPED
    return None if up.setup_success else UPSTREAM_FAILED


_VERDICTS = {
    "all_success": _judge_all_success,
    "all_failed": lambda up: SKIPPED if up.success or up.skipped else None,
    "all_done": lambda up: None,
    "all_skipped": lambda up: SKIPPED if up.success or up.bad else None,
    "one_success": _judge_one_success,
    "one_failed": lambda up: None if up.bad else SKIPPED,
    "one_done": lambda up: None if up.success or up.failed else SKIPPED,
    "none_failed": lambda up: UPSTREAM_FAILED if up.bad else None,
    "none_failed_min_one_success": _judge_min_one_success,
    "none_failed_or_skipped": _judge_min_one_success,
    "none_skipped": lambda up: SKIPPED if up.skipped else None,
    "all_done_min_one_success": _judge_done_min_one_success,
    "all_done_setup_success": _judge_setup_success,
}
