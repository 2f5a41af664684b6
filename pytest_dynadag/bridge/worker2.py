"""Airflow 2's worker in this process: the task instance's own code, on a session of the run."""

# ruff: noqa: SLF001 - Airflow's private names are used in the bridge and nowhere else

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytest_dynadag.bridge.triggers import fire


class Worker2:
    """Executes the instances of one run as `_run_task` of `dag.test()` does (`models/dag.py`, 2.11)."""

    def queue(self, tis: Sequence[Any], session: Any) -> None:
        """Leave a wave as it is: Airflow 2 starts an instance from any state."""

    def run(self, *, ti: Any, **arguments: Any) -> None:
        """Execute one instance, its triggers included."""
        session = arguments["session"]
        while True:
            ti._run_raw_task(session=session)
            if ti.state != "deferred":
                return
            fire(ti, session, _run_trigger)


def _run_trigger(trigger: Any) -> Any:
    from airflow.models.dag import _run_inline_trigger

    return _run_inline_trigger(trigger)
