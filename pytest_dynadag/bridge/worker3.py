"""Airflow 3's worker in this process, without HTTP: the SDK's own task runner, supervisor and triggers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

from pytest_dynadag.bridge.execution_api import client_class
from pytest_dynadag.bridge.triggers import fire


class Worker3:
    """Executes the instances of one run as `_run_task` of `dag.test()` does (`sdk/definitions/dag.py`, 3.3)."""

    def __init__(self, dag: Any) -> None:
        self.dag = dag
        self.supervisor = supervisor_class()
        self.supervisor.direct_client = client_class()(dag)

    def queue(self, tis: Sequence[Any], session: Any) -> None:
        """Put a wave into the state from which the execution API starts an instance, all in one statement."""
        from airflow.models.taskinstance import TaskInstance
        from sqlalchemy import update

        ids = [ti.id for ti in tis]
        for start in range(0, len(ids), 500):
            chunk = update(TaskInstance).where(TaskInstance.id.in_(ids[start : start + 500]))
            session.execute(chunk.values(state="queued").execution_options(synchronize_session=False))
        session.commit()

    def run(self, *, ti: Any, **arguments: Any) -> None:
        """
        Execute one instance, its triggers included.

        What leaves the task runner fails the instance, as in `dag.test()`.
        """
        task = self.dag.task_dict[ti.task_id]
        self.supervisor.has_children = _starts_interpreters(task)
        while True:
            try:
                result = self.supervisor.start(what=_describe(ti, task), task=task)
            except Exception:
                self._fail(ti)
                raise
            ti.state = result.ti.state
            if ti.state != "deferred":
                return
            self._fire(ti)

    def _fire(self, ti: Any) -> None:
        """Run the trigger of a deferred instance, and make the instance ready to be resumed."""
        from airflow.models.taskinstance import TaskInstance

        with _session() as session:
            row = session.get(TaskInstance, ti.id)
            fire(row, session, lambda trigger: self._run_trigger(trigger, ti))
            row.state = "queued"
            session.commit()

    def _run_trigger(self, trigger: Any, ti: Any) -> Any:
        if hasattr(self.supervisor, "run_trigger_in_process"):
            return self.supervisor.run_trigger_in_process(trigger=trigger, ti=_describe(ti))
        from airflow.sdk.definitions.dag import _run_inline_trigger

        return _run_inline_trigger(trigger)

    def _fail(self, ti: Any) -> None:
        from airflow.models.taskinstance import TaskInstance
        from airflow.utils.state import State

        with _session() as session:
            row = session.get(TaskInstance, ti.id)
            if row is not None and row.state not in State.finished:
                row.set_state("failed", session=session)
                session.commit()


def _describe(ti: Any, task: Any = None) -> Any:
    """Give what a worker is told of an instance."""
    from airflow.sdk.api.datamodels._generated import TaskInstance

    names = (
        "id",
        "task_id",
        "dag_id",
        "run_id",
        "try_number",
        "map_index",
        "dag_version_id",
        "region_id",
        "region_index",
    )
    told = {name: getattr(ti, name) for name in names if name in TaskInstance.model_fields}
    if "region_index" in told and task is not None and not task.get_needs_expansion():
        told["map_index"] = -1
    return TaskInstance(**told)


def _starts_interpreters(task: Any) -> bool:
    """Tell whether the task's interpreter talks to the supervisor (`standard/operators/python.py`, `@task.virtualenv`)."""
    operator = getattr(task, "operator_class", type(task))
    return hasattr(operator, "_execute_python_callable_in_subprocess")


def _session() -> Any:
    from airflow import settings

    return settings.Session.session_factory()


@cache
def supervisor_class() -> Any:
    """Make the SDK's in-process supervisor, with our client, and with sockets only for those who use them."""
    from airflow.sdk.execution_time.supervisor import InProcessTestSupervisor

    class DirectSupervisor(InProcessTestSupervisor):
        """The SDK's in-process supervisor, for one instance."""

        direct_client: Any = None
        has_children = False

        @staticmethod
        def _api_client(dag: Any = None, attempt_id: Any = None) -> Any:
            DirectSupervisor.direct_client.api.attempt = attempt_id  # 3.4: who asks decides what it sees
            return DirectSupervisor.direct_client

        def _setup_subprocess_socket(self) -> AbstractContextManager[Any]:
            return super()._setup_subprocess_socket() if self.has_children else nullcontext()

    return DirectSupervisor
