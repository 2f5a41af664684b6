"""Airflow 2's worker in this process: the task instance's own code, on a session of the run."""

# ruff: noqa: SLF001 - Airflow's private names are used in the bridge and nowhere else

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pytest_dynadag.bridge.lean2 import lean
from pytest_dynadag.bridge.protocol import RunTask
from pytest_dynadag.bridge.triggers import fire


@contextmanager
def working() -> Iterator[RunTask]:
    """Yield what executes instances as `dag.test()` does, and leave out what no task can see."""
    with lean():
        yield run_task


def run_task(*, ti: Any, session: Any, **arguments: Any) -> None:
    """Execute one instance, its triggers included, as `_run_task` of `dag.test()` (`models/dag.py`, 2.11)."""
    while True:
        ti._run_raw_task(session=session)
        if ti.state != "deferred":
            return
        fire(ti, session, _run_trigger)


def _run_trigger(trigger: Any) -> Any:
    from airflow.models.dag import _run_inline_trigger

    return _run_inline_trigger(trigger)
