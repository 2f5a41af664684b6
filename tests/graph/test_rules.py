"""Trigger rules: what they make of an instance, given how the rows that it waits for have ended so far."""

from __future__ import annotations

import pytest

from pytest_dynadag.graph.rules import Judgement, Tally, judge

START, WAIT = Judgement(None, met=True), Judgement(None, met=False)
ENDS = ("success", "skipped", "failed", "upstream_failed")


def judged(rule: str, *ends: str | None, setups: int = 0) -> Judgement:
    """Judge an instance that waits for rows in these states, None for one that has not ended; the first are setups."""
    tally = Tally()
    for position, end in enumerate(ends):
        tally.add(1, {end: 1} if end else {}, is_setup=position < setups)
    return judge(rule, tally)


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
    """Each rule starts, skips or fails an instance by how the one task above it ended."""
    judgements = [judged(rule, end) for end in ENDS]

    assert alone == tuple(judgement.state for judgement in judgements)
    assert all(judgement.met for judgement in judgements if judgement.state is None)


@pytest.mark.parametrize(
    ("rule", "steps"),
    [
        # before anything has ended, after a skip, after a success besides, after a failure besides
        ("all_success", (WAIT, Judgement("skipped", met=False))),
        ("none_failed", (WAIT, WAIT, WAIT, Judgement("upstream_failed", met=False))),
        ("one_failed", (WAIT, WAIT, WAIT, START)),
        ("one_success", (WAIT, WAIT, START)),
        ("one_done", (WAIT, WAIT, START)),
        ("all_done", (WAIT, WAIT, WAIT, START)),
        ("all_done_min_one_success", (WAIT, Judgement("skipped", met=False))),
        ("all_failed", (WAIT, Judgement("skipped", met=False))),
        ("always", (START,)),
    ],
)
def test_rules_decide_when_they_can(rule: str, steps: tuple[Judgement, ...]) -> None:
    """A skip, a success and a failure that end one after the other: rules that decide early take the first."""
    ends = ("skipped", "success", "failed")
    for number, expected in enumerate(steps):
        known = (*ends[:number], *[None] * (3 - number))
        assert expected == judged(rule, *known), known


def test_of_a_skip_and_a_failure_in_one_pass_the_failure_wins() -> None:
    """What is seen at once is upstream_failed."""
    assert judged("all_success", "skipped", "failed").state == "upstream_failed"


@pytest.mark.parametrize(
    ("ends", "state"),
    [
        (["success", "failed"], None),
        (["skipped", "success"], "skipped"),
        (["failed", "success"], "upstream_failed"),
    ],
)
def test_a_teardown_follows_its_setup(ends: list[str], state: str | None) -> None:
    """Once all is done, a teardown runs if its setup succeeded, whatever else failed."""
    assert state == judged("all_done_setup_success", *ends, setups=1).state


def test_nothing_to_wait_for_passes_or_skips() -> None:
    """Where no row is counted, most rules pass, and those that want a success skip."""
    assert START == judged("all_success") == judged("all_done")
    assert judged("one_success").state == judged("none_failed_min_one_success").state == "skipped"


def test_an_unknown_end_counts_as_a_success() -> None:
    """A task whose length is not known is taken to succeed."""
    assert START == judged("all_success", "unknown")
