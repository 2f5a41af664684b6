"""What a run tells the scheduler beyond a plan: instances that wait, are tried again, or stop the others."""

from __future__ import annotations

from typing import Any

import pytest
from building import dag, over, planned, task

from pytest_dynadag.graph.behaviour import behaviour_of
from pytest_dynadag.graph.given import Failed
from pytest_dynadag.graph.scheduler import Scheduler
from pytest_dynadag.graph.states import RUNNING
from pytest_dynadag.graph.structure import Structure


def begin(*parts: Any) -> Scheduler:
    """Make the scheduler of a run whose mapped tasks have two instances."""
    structure = dag(*parts)
    return Scheduler(structure, behaviour_of(structure.airflow_version), lambda owner, mapping: 2)


def starts(scheduler: Scheduler) -> list[tuple[str, int | None]]:
    """Return what one pass starts, and have it running."""
    found = [(ready.task.task_id, index) for ready in scheduler.advance() for index in ready.indexes]
    for name, index in found:
        scheduler.hold(name, index, RUNNING)
    return found


def test_an_instance_starts_when_what_it_waits_for_has_ended() -> None:
    """A pass starts what is ready, and nothing twice; the instances of a mapped task are started together."""
    scheduler = begin(task("list"), task("load", over(x="list")), task("report", after="load"))

    assert [("list", None)] == starts(scheduler)
    assert [] == starts(scheduler)
    scheduler.end("list", None, "success")
    assert [("load", 0), ("load", 1)] == starts(scheduler)
    scheduler.end("load", 0, "success")
    assert [] == starts(scheduler)
    scheduler.end("load", 1, "success")
    assert [("report", None)] == starts(scheduler)


def test_an_instance_that_is_released_starts_again() -> None:
    """What is up for retry holds up what waits for it, until it is released, starts again and ends."""
    scheduler = begin(task("extract"), task("report", after="extract"))
    starts(scheduler)

    scheduler.hold("extract", None, "up_for_retry")
    assert ([], False) == (starts(scheduler), scheduler.changed)
    scheduler.release("extract", None)
    assert [("extract", None)] == starts(scheduler)
    scheduler.end("extract", None, "success")
    assert [("report", None)] == starts(scheduler)


def test_what_is_released_and_was_skipped_meanwhile_does_not_start() -> None:
    """A branch that skips a task which waits for its next try ends it: its trigger rule is looked at again."""
    scheduler = begin(task("choose", skips="branch"), task("extract"), task("load", after="choose"))
    starts(scheduler)
    scheduler.end("choose", None, "success")
    scheduler.note_decision(scheduler.structure["choose"], None, ["load"])
    scheduler.advance()
    assert "skipped" == scheduler.rows["load"][None]


@pytest.mark.parametrize(("end", "state"), [("success", "success"), ("failed", "failed")])
def test_a_run_ends_as_its_last_tasks_do(end: str, state: str) -> None:
    """While an instance has not ended the run has no state; then it is that of the tasks that nothing waits for."""
    scheduler = begin(task("extract"), task("report", after="extract"))
    starts(scheduler)
    assert scheduler.run_state() is None

    scheduler.end("extract", None, "success")
    starts(scheduler)
    scheduler.end("report", None, end)

    assert state == scheduler.run_state()


def test_a_teardown_does_not_decide_how_a_run_ends() -> None:
    """A failed teardown leaves the run green, unless it is to fail it; what it cleans up after decides."""
    teardown = {"is_teardown": True, "after": "work", "trigger_rule": "all_done_setup_success"}
    for fails_run, state in ((False, "success"), (True, "failed")):
        scheduler = begin(task("work"), task("clean", **teardown, fails_run=fails_run))
        starts(scheduler)
        scheduler.end("work", None, "success")
        starts(scheduler)
        scheduler.end("clean", None, "failed")

        assert state == scheduler.run_state()


def test_what_has_not_ended_is_listed_with_what_it_waits_for() -> None:
    """Where nothing starts any more, each row that has not ended is named, and what it waits for."""
    scheduler = begin(task("sense"), task("report", after="sense"))
    starts(scheduler)

    assert [("sense", None, "running"), ("report", None, None)] == [
        (one.task_id, index, state) for one, index, state in scheduler.list_unfinished()
    ]
    assert "trigger rule all_success waits for sense" == scheduler.explain(scheduler.structure["report"])


def fast(*parts: Any) -> Structure:
    """Make a DAG with `fail_fast`."""
    made = dag(*parts)
    return Structure(
        made.dag_id, made.tasks, made.groups, settings={"fail_fast": True}, airflow_version="3.3.2"
    )


def test_a_task_that_fails_stops_the_others() -> None:
    """With `fail_fast` what has not ended is skipped, but for teardowns, and the other instances of the task go on."""
    parts = (
        task("list"),
        task("extract", over(x="list")),
        task("other", over(x="list")),
        task("report", after="extract other"),
        task("clean", after="list", is_teardown=True, trigger_rule="all_done"),
    )

    expansion = planned(fast(*parts), {"list": [1, 2], "extract": [Failed("why"), None]})

    assert {
        "list": "success",
        "extract[0]": "failed",
        "extract[1]": "success",
        "other[0]": "skipped",
        "other[1]": "skipped",
        "report": "skipped",
        "clean": "success",
    } == expansion.states
