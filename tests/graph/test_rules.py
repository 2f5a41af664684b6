"""Trigger rules: the verdict on an instance, and the wave in which it falls."""

from __future__ import annotations

import pytest

from pytest_dynadag.graph.ends import End, Verdict
from pytest_dynadag.graph.rules import judge, tally


def verdict(rule: str, *ends: tuple[str, int], setups: int = 0) -> Verdict:
    """Judge an instance that waits for rows that ended so; the first *setups* of them are setups."""
    return judge(rule, tally(({End(*end): 1}, at < setups) for at, end in enumerate(ends)))


SUCCESS, SKIPPED, FAILED, UPSTREAM_FAILED = (
    ("success", 0),
    ("skipped", 0),
    ("failed", 0),
    ("upstream_failed", 0),
)


@pytest.mark.parametrize(
    ("rule", "alone"),
    [
        # for one upstream that ended in success, skipped, failed, upstream_failed
        ("all_success", (None, "skipped", "upstream_failed", "upstream_failed")),
        ("all_failed", ("skipped", "skipped", None, None)),
        ("all_done", (None, None, None, None)),
        ("all_skipped", ("skipped", None, "skipped", "skipped")),
        ("one_success", (None, "skipped", "upstream_failed", "upstream_failed")),
        ("one_failed", ("skipped", "skipped", None, None)),
        ("one_done", (None, "skipped", None, "skipped")),
        ("none_failed", (None, None, "upstream_failed", "upstream_failed")),
        ("none_failed_min_one_success", (None, "skipped", "upstream_failed", "upstream_failed")),
        ("none_skipped", (None, "skipped", None, None)),
        ("all_done_min_one_success", (None, "skipped", "upstream_failed", "upstream_failed")),
        ("always", (None, None, None, None)),
    ],
)
def test_what_a_rule_makes_of_one_upstream(rule: str, alone: tuple[str | None, ...]) -> None:
    """Each rule runs, skips or fails an instance by how the one task above it ended."""
    assert alone == tuple(verdict(rule, end).state for end in (SUCCESS, SKIPPED, FAILED, UPSTREAM_FAILED))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("all_success", Verdict("skipped", 1)),
        ("none_failed", Verdict("upstream_failed", 3)),
        ("one_failed", Verdict(None, 3)),
        ("one_success", Verdict(None, 2)),
        ("one_done", Verdict(None, 2)),
        ("all_done", Verdict(None, 3)),
        ("all_done_min_one_success", Verdict("skipped", 1)),
        ("all_failed", Verdict("skipped", 1)),
        ("always", Verdict(None, 0)),
    ],
)
def test_rules_decide_when_they_can(rule: str, expected: Verdict) -> None:
    """A skip, a success and a failure that end one after the other: rules that decide early take the first."""
    assert expected == verdict(rule, ("skipped", 0), ("success", 1), ("failed", 2))


def test_of_a_skip_and_a_failure_in_one_wave_the_failure_wins() -> None:
    """What is seen at once is upstream_failed."""
    assert Verdict("upstream_failed", 1) == verdict("all_success", SKIPPED, FAILED)


@pytest.mark.parametrize(
    ("ends", "state"),
    [
        ([SUCCESS, FAILED], None),
        ([SKIPPED, SUCCESS], "skipped"),
        ([FAILED, SUCCESS], "upstream_failed"),
    ],
)
def test_a_teardown_follows_its_setup(ends: list[tuple[str, int]], state: str | None) -> None:
    """Once all is done, a teardown runs if its setup succeeded, whatever else failed."""
    assert state == verdict("all_done_setup_success", *ends, setups=1).state


def test_nothing_to_wait_for_passes_or_skips() -> None:
    """Where no row is counted, most rules pass, and those that want a success skip."""
    assert (None, None) == (verdict("all_success").state, verdict("all_done").state)
    assert ("skipped", "skipped") == (
        verdict("one_success").state,
        verdict("none_failed_min_one_success").state,
    )


def test_an_unknown_end_counts_as_a_success() -> None:
    """A task whose length is not known is taken to succeed."""
    assert Verdict(None, 1) == verdict("all_success", ("unknown", 0))
