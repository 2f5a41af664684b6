"""Airflow 3's worker in this process, without a database: its own task runner, and a supervisor in memory."""

# Source: `InProcessTestSupervisor.start` (sdk/execution_time/supervisor.py), `ti_run` of the execution API (routes/
# task_instances.py), `DAG.test` and `_run_task` (sdk/definitions/dag.py), 3.0.6 to 3.4.0b2.

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import traceback
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from datetime import datetime, timedelta, timezone
from typing import Any

from pytest_dynadag.bridge.interpreters import answered_by_socket, starts_interpreter
from pytest_dynadag.bridge.lean3 import lean
from pytest_dynadag.bridge.patching import replaced
from pytest_dynadag.bridge.restore import ProcessEnded
from pytest_dynadag.bridge.serialized import serialize
from pytest_dynadag.bridge.supervisor import Execution, RunState, Supervisor
from pytest_dynadag.bridge.triggers import LimitedTrigger

_LONGEST_DELAY = timedelta(days=1)
"""`MAX_RETRY_DELAY`, sdk/definitions/_internal/abstractoperator.py."""


@contextmanager
def in_memory(
    dag: Any, siblings: Iterable[Any], at: datetime | None, conf: Mapping[str, Any], run: RunState
) -> Iterator[Worker3]:
    """Yield what executes the instances of a run; the metadata database cannot be opened meanwhile. See `Worker3`."""
    from airflow import settings

    worker = Worker3(dag, siblings, at, conf, run)
    with ExitStack() as stack:
        stack.enter_context(lean())
        for name in ("Session", "NonScopedSession"):
            if getattr(settings, name, None) is not None:
                stack.enter_context(replaced(settings, name, _NoSession(worker.supervisor)))
        yield worker


class _NoSession:
    """Stands in for the sessions of the metadata database."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    def __call__(self, *args: Any, **options: Any) -> Any:
        raise self._supervisor.miss("the metadata database")

    def __getattr__(self, name: str) -> Any:
        raise self._supervisor.miss("the metadata database")


class Worker3:
    """
    Executes the instances of one run.

    Args:
        dag: The DAG that runs.
        siblings: Further DAGs that it may trigger.
        at: The logical date; None is now.
        conf: The run's configuration.
        run: What is told how instances end.

    Attributes:
        run_id, logical_date: Which run it is.
        supervisor: Answers the tasks.
    """

    def __init__(
        self, dag: Any, siblings: Iterable[Any], at: datetime | None, conf: Mapping[str, Any], run: RunState
    ) -> None:
        dag.validate()
        serialize(dag)  # refuses what Airflow cannot store
        self.dag = dag
        self.run_after = datetime.now(timezone.utc) if at is None else at
        self.logical_date = self.run_after
        self.run_id = f"manual__{self.run_after.isoformat()}"
        self._run_data = _describe_run(dag, self.run_id, self.logical_date, conf)
        self._run_json = json.dumps(self._run_data)
        self._version_id = uuid.uuid4()
        self._plain: dict[tuple[int, bool], bytes] = {}
        self.supervisor = Supervisor(dag, siblings, self._run_data, run)

    def make_execution(self, task_id: str, index: int) -> Execution:
        """Return an instance that was not started yet."""
        return Execution(task_id, index, int(self.dag.task_dict[task_id].retries or 0))

    def execute(self, execution: Execution) -> str | None:
        """
        Execute an instance until it ends or its trigger is to fire.

        Returns:
            The state in which it has ended, None where it has told the run itself. What leaves the task runner fails
            the instance, as in `dag.test()`.
        """
        from airflow.sdk.execution_time import task_runner

        supervisor = self.supervisor
        supervisor.execution, execution.terminal = execution, None
        now = datetime.now(timezone.utc)
        if execution.start is None or not execution.next_kwargs:
            execution.start = now
        execution.end = None
        other = starts_interpreter(self.dag.task_dict[execution.task_id])
        with _answered_by(supervisor), answered_by_socket(supervisor) if other else nullcontext():
            ti = self._make_instance(task_runner, execution, now)
            context = ti.get_template_context()
            state, _, error = task_runner.run(ti, context, _SILENT)
            context["exception"] = error
            task_runner.finalize(ti, state, context, _SILENT, error)
        if execution.terminal is None:
            return None
        execution.label = getattr(execution.terminal, "rendered_map_index", execution.label)
        return str(getattr(execution.terminal.state, "value", execution.terminal.state))

    def _make_instance(self, task_runner: Any, execution: Execution, now: datetime | None) -> Any:
        """Return the task instance that Airflow's runner executes."""
        from airflow.sdk.api.datamodels._generated import TaskInstanceState, TIRunContext

        server = TIRunContext.model_validate_json(self._describe(execution))
        return task_runner.RuntimeTaskInstance.model_construct(
            id=execution.id,
            task_id=execution.task_id,
            dag_id=self.dag.dag_id,
            run_id=self.run_id,
            try_number=execution.try_number,
            map_index=execution.index,
            dag_version_id=self._version_id,
            task=self.dag.task_dict[execution.task_id],
            _ti_context_from_server=server,
            max_tries=server.max_tries,
            start_date=now,
            state=TaskInstanceState.RUNNING,
        )

    def _describe(self, execution: Execution) -> bytes:
        """Return what the execution API tells of an instance that starts; most instances are told the same."""
        retry = execution.max_tries != 0 and execution.try_number <= execution.max_tries
        left = [] if execution.next_method else self.supervisor.store.list_keys(*execution.key)
        if left or execution.next_method or execution.looks or "upstream_map_indexes" in _context_fields():
            return self._write_context(execution, retry=retry, left=left)
        key = execution.max_tries, retry
        if key not in self._plain:
            self._plain[key] = self._write_context(execution, retry=retry, left=left)
        return self._plain[key]

    def _write_context(self, execution: Execution, *, retry: bool, left: list[str]) -> bytes:
        told: dict[str, Any] = {
            "task_reschedule_count": len(execution.looks),
            "max_tries": execution.max_tries,
            "xcom_keys_to_clear": left,
            "should_retry": retry,
        }
        if execution.next_method:
            told |= {"next_method": execution.next_method, "next_kwargs": execution.next_kwargs}
            told["start_date"] = execution.start and execution.start.isoformat()
        if "upstream_map_indexes" in _context_fields():
            told["upstream_map_indexes"] = dict(self._list_upstream_indexes(execution))
        known = {name: value for name, value in told.items() if name in _context_fields()}
        return f'{json.dumps(known)[:-1]}, "dag_run": {self._run_json}}}'.encode()

    def _list_upstream_indexes(self, execution: Execution) -> Iterable[tuple[str, Any]]:
        """
        Yield which instances an upstream's XCom is pulled from where the task does not say so.

        Source: `_get_upstream_map_indexes` (routes/task_instances.py, 3.0 and 3.1); later the SDK finds out itself.
        """
        task = self.dag.task_dict[execution.task_id]
        own = task.get_closest_mapped_task_group()
        for above in task.upstream_list:
            group = above.get_closest_mapped_task_group()
            if group is None:
                yield above.task_id, None
            elif group == own:
                yield above.task_id, execution.index
            else:
                length = self.supervisor.run.measure_group(group.group_id)
                yield above.task_id, None if length is None else list(range(length))

    # -- triggers ---------------------------------------------------------------------------------

    def fire(self, execution: Execution) -> str | None:
        """
        Run the trigger of a deferred instance to its first event, and have the instance go on with it.

        Returns:
            The state in which the event ends the instance; None where it is to be executed again.

        Source:
            models/trigger.py (`submit_event`, `submit_failure`) and jobs/triggerer_job_runner.py.
        """
        encode, decode = _find_coding()
        event: Any = None
        error: Exception = RuntimeError("the trigger ended without sending an event")
        try:
            event = self._run_trigger(execution, decode)
        except Exception as raised:
            error = raised
        if event:
            if hasattr(event, "task_instance_state"):
                return self._end_by_event(execution, event)
            execution.next_kwargs = encode({**decode(execution.next_kwargs or {}), "event": event.payload})
            return None
        execution.next_method = "__fail__"
        if isinstance(error, asyncio.TimeoutError):
            execution.next_kwargs = {"error": "Trigger timeout"}
        else:
            told = traceback.format_exception(type(error), error, error.__traceback__)
            execution.next_kwargs = {"error": "Trigger failure", "traceback": told}
        return None

    def _run_trigger(self, execution: Execution, decode: Any) -> Any:
        from importlib import import_module

        assert execution.trigger is not None
        path, arguments = execution.trigger
        module, _, name = path.rpartition(".")
        trigger = getattr(import_module(module), name)(**decode(arguments))
        if execution.deadline is not None:
            trigger = LimitedTrigger(trigger, execution.deadline)

        async def find_first() -> Any:
            return await anext(trigger.run(), None)

        with _answered_by(self.supervisor):
            return asyncio.run(find_first())

    def _end_by_event(self, execution: Execution, event: Any) -> str:
        for key, value in (getattr(event, "xcoms", None) or {}).items():
            self.supervisor.store.put(*execution.key, key, value)
        return str(event.task_instance_state.value)

    # -- the run ----------------------------------------------------------------------------------

    def find_next_try(self, execution: Execution) -> datetime:
        """Return when an instance that has failed is tried again (`TaskInstance.next_retry_datetime`)."""
        assert execution.end is not None
        if execution.delay is not None:
            return execution.end + timedelta(seconds=execution.delay)
        task = self.dag.task_dict[execution.task_id]
        delay: timedelta = task.retry_delay
        factor = float(task.retry_exponential_backoff or 0)
        factor = 2.0 if factor == 1 else factor  # `True`, from when it was a yes or no
        if factor > 0:
            try:
                least = max(math.ceil(delay.total_seconds() * factor ** (execution.try_number - 1)), 1)
            except OverflowError:
                least = int(_LONGEST_DELAY.total_seconds())
            text = f"{self.dag.dag_id}#{execution.task_id}#{self.logical_date}#{execution.try_number}"
            number = int(hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest(), 16)
            delay = min(timedelta(seconds=least + number % least), _LONGEST_DELAY)
            delay = min(task.max_retry_delay or delay, delay)
        return execution.end + delay

    def call_back(self, state: str, last: Execution | None) -> None:
        """
        Call the DAG's own callbacks, as Airflow does when a run ends (`execute_dag_callbacks`, models/dagrun.py).

        Args:
            state: How the run has ended.
            last: The instance that ended last of those that ended so; its context is what callbacks get.
        """
        from airflow.sdk.execution_time import task_runner

        success = state == "success"
        callbacks = self.dag.on_success_callback if success else self.dag.on_failure_callback
        if not callbacks:
            return
        context: Any = {"dag": self.dag, "run_id": self.run_id}
        with _answered_by(self.supervisor):
            if last is not None:
                context = self._make_instance(task_runner, last, last.start).get_template_context()
            context["reason"] = "success" if success else "task_failure"
            for callback in callbacks if isinstance(callbacks, list) else [callbacks]:
                with suppress(Exception, SystemExit, ProcessEnded):
                    callback(context)

    def read_xcoms(self) -> dict[tuple[str, int, str], Any]:
        """Return the XComs of the run, through the configured XCom backend, by task id, map index and key."""
        from types import SimpleNamespace

        from airflow.sdk.execution_time.xcom import XCom

        return {
            key: XCom.deserialize_value(SimpleNamespace(value=value)) for key, value in self.supervisor.store
        }


class _SilentLog:
    """A logger that says nothing: what Airflow tells itself about an instance is not what the task says."""

    def _say_nothing(self, *args: Any, **kwargs: Any) -> None:
        return None

    debug = info = warning = error = exception = critical = _say_nothing

    def bind(self, **kwargs: Any) -> _SilentLog:
        """Return the logger; structlog's binds values to a new one."""
        return self


_SILENT = _SilentLog()


def _answered_by(supervisor: Supervisor) -> Any:
    """Let the SDK send its messages to *supervisor* for a while."""
    from airflow.sdk.execution_time.supervisor import set_supervisor_comms

    return set_supervisor_comms(supervisor)


def _context_fields() -> Mapping[str, Any]:
    from airflow.sdk.api.datamodels._generated import TIRunContext

    fields: Mapping[str, Any] = TIRunContext.model_fields
    return fields


def _find_coding() -> tuple[Any, Any]:
    """Return the functions that write and read a trigger's arguments, and what an instance goes on with."""
    try:
        from airflow.sdk.serde import deserialize, serialize
    except ImportError:  # before 3.2
        from airflow.serialization.serialized_objects import BaseSerialization

        return BaseSerialization.serialize, BaseSerialization.deserialize
    return serialize, deserialize


def _describe_run(dag: Any, run_id: str, at: datetime, conf: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the execution API tells of a run, as JSON."""
    from airflow.sdk.api.datamodels._generated import DagRun

    begin, end = _infer_interval(dag, at)
    told = {
        "dag_id": dag.dag_id,
        "run_id": run_id,
        "logical_date": at.isoformat(),
        "data_interval_start": begin and begin.isoformat(),
        "data_interval_end": end and end.isoformat(),
        "run_after": at.isoformat(),
        "start_date": at.isoformat(),
        "end_date": None,
        "clear_number": 0,
        "run_type": "manual",
        "state": "running",
        "conf": dict(conf),
        "triggering_user_name": "dag_test",
        "consumed_asset_events": [],
        "partition_key": None,
        "partition_date": None,
        "note": None,
        "team_name": None,
    }
    return {name: value for name, value in told.items() if name in DagRun.model_fields}


def _infer_interval(dag: Any, at: datetime) -> tuple[datetime | None, datetime | None]:
    """Return the data interval of a run that is started by hand."""
    import pendulum

    timetable = dag.timetable
    if type(timetable).__name__ in ("NullTimetable", "OnceTimetable", "ContinuousTimetable"):
        return at, at
    try:
        from airflow.serialization.encoders import coerce_to_core_timetable
    except ImportError:  # before 3.2, authors' timetables are the scheduler's
        core = timetable
    else:
        core = coerce_to_core_timetable(timetable)
    interval = core.infer_manual_data_interval(run_after=pendulum.instance(at))
    return interval.start, interval.end
