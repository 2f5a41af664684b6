"""Airflow 2's worker in this process: the task instance's own code, on a session of the run."""

# ruff: noqa: SLF001 - Airflow's private names are used in the bridge and nowhere else

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from pytest_dynadag.bridge.patching import replaced
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


@contextmanager
def lean() -> Iterator[None]:
    """
    Leave out what no task can see: the rows of the UI and of the audit log, and reading a row twice.

    Source: `models/taskinstance.py`, 2.11. What `refresh_from_db` reads after `session.refresh` is the same row.
    """
    from airflow.models import taskinstance

    refresh = taskinstance.TaskInstance.refresh_from_db
    columns = taskinstance.TaskInstance.__mapper__.column_attrs.keys()

    def refresh_once(ti: Any, session: Any = None, lock_for_update: bool = False) -> None:
        if session is None or ti not in session:
            refresh(ti, **({} if session is None else {"session": session}), lock_for_update=lock_for_update)
        else:
            session.refresh(ti, columns)

    with ExitStack() as stack:
        stack.enter_context(replaced(taskinstance, "_update_rtif", _do_nothing))
        stack.enter_context(replaced(taskinstance, "_add_log", _do_nothing))
        stack.enter_context(replaced(taskinstance.TaskInstance, "refresh_from_db", refresh_once))
        yield


def _do_nothing(*args: Any, **kwargs: Any) -> None:
    """Stand in for what writes rows that nobody reads."""
