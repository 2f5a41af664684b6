"""One run, from a request to an observation: what both engines do alike."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from traceback import walk_tb
from typing import Any

from pytest_dynadag.bridge.loading import bridge
from pytest_dynadag.bridge.protocol import Bridge, Row, RunTask
from pytest_dynadag.bridge.running import RunStopped, paced, read_rows
from pytest_dynadag.bridge.waiting import Patience
from pytest_dynadag.errors import UnknownNameError
from pytest_dynadag.graph.given import format_key
from pytest_dynadag.location import Location
from pytest_dynadag.run.clock import RunClock
from pytest_dynadag.run.engines.arming import GivenTasks
from pytest_dynadag.run.engines.surroundings import undisturbed
from pytest_dynadag.run.engines.watching import RunWatcher
from pytest_dynadag.run.observation import Observation, ObservedInstance
from pytest_dynadag.run.request import RunRequest
from pytest_dynadag.run.stuck import AirflowRaisedError, ParamsError, StuckRunError


@dataclass(frozen=True, slots=True)
class Engine:
    """
    What tells the engines apart.

    Attributes:
        name: As a test names it.
        database: Gives an empty metadata database for the time of a run.
        worker: Yields what executes an instance; None leaves it to `dag.test()`.
        waiting: Sees to it that nothing waits for real; None where the clock does not jump.
    """

    name: str
    database: Callable[[], AbstractContextManager[None]]
    worker: Callable[[], AbstractContextManager[RunTask | None]]
    waiting: Callable[[RunClock], AbstractContextManager[Patience | None]]


def execute(engine: Engine, dag: Any, request: RunRequest) -> Observation:
    """
    Run *dag* once, and say what it did.

    The run starts from an empty database that is ours, and leaves nothing behind: environment, signal
    handlers, working directory, warnings and the DAG object are as before.

    Args:
        engine: How.
        dag: An Airflow DAG object, loaded from a file or built in a test.
        request: What to give, and how to run.

    Raises:
        StuckRunError: The run cannot finish.
        GivenError: The given has more or fewer entries than the run has instances.
        GivenFunctionError: A given function raised.
        UnknownNameError: The given names a task that the DAG does not have.
        ParamsError: A param that the DAG does not allow.
        AirflowRaisedError: Airflow itself raised, not a task.
        NotIsolatedError: Airflow's database is not ours.
    """
    airflow = bridge()
    given = GivenTasks(airflow, dag, request.given)
    watcher = RunWatcher(airflow, dag, given)
    check_request(dag, request)
    if request.moment is not None:
        _warm_up(engine, airflow)
    started = time.clock_gettime(time.CLOCK_MONOTONIC)
    with undisturbed(request, dag.fileloc), engine.database():
        dag_run = _run(engine, airflow, dag, request, watcher)
        observation = observe(airflow, dag_run, watcher)
    given.check(Counter(row.task_id for row in observation["instances"] if row.index >= 0))
    seconds = time.clock_gettime(time.CLOCK_MONOTONIC) - started
    return Observation(**observation, seconds=seconds)


def _run(engine: Engine, airflow: Bridge, dag: Any, request: RunRequest, watcher: RunWatcher) -> Any:
    clock = RunClock(request.moment)
    try:
        with (
            watcher.capture.listening(),
            clock.running(),
            airflow.stored(dag, request.siblings),
            airflow.watched(watcher),
            airflow.supervised(watcher),
            engine.worker() as run_task,
            engine.waiting(clock) as patience,
            paced(airflow, dag, request.sort, run_task, patience),
        ):
            return airflow.test(dag, request.moment, request.conf)
    except RunStopped as stop:
        waiting = {format_key(row.task_id, row.index): row.state for row in stop.rows}
        reasons = {format_key(*key): why for key, why in stop.why.items()}
        raise StuckRunError(dag.dag_id, waiting, reasons) from None
    except Exception as error:
        frame, line = list(walk_tb(error.__traceback__))[-1]
        raise AirflowRaisedError(dag.dag_id, error, Location(frame.f_code.co_filename, line)) from error


def check_request(dag: Any, request: RunRequest) -> None:
    """Refuse what cannot be meant: tasks that do not exist, params that the DAG's schema does not allow."""
    for task_id in request.given.task_ids:
        if task_id not in dag.task_dict:
            raise UnknownNameError("task", task_id, dag.task_dict, where=f"given for DAG {dag.dag_id!r}")
    for name in dag.params:
        given = (request.conf[name],) if name in request.conf else ()
        try:
            dag.params.get_param(name).resolve(*given)
        except Exception as error:
            why = str(error).strip().splitlines()[0]
            raise ParamsError(dag.dag_id, name, given, why) from None


def observe(airflow: Bridge, dag_run: Any, watcher: RunWatcher) -> dict[str, Any]:
    """Read from the database what a run has left there, and join it with what was seen in the worker."""
    dag_id, run_id = dag_run.dag_id, dag_run.run_id
    rows = read_rows(airflow, dag_id, run_id)
    failed = {(row.task_id, row.index) for row in rows if row.state == "failed"}
    return {
        "dag_id": dag_id,
        "run_id": run_id,
        "state": str(getattr(dag_run.state, "value", dag_run.state)),
        "logical_date": getattr(dag_run, "logical_date", None) or getattr(dag_run, "execution_date", None),
        "instances": tuple(map(_instance, rows)),
        "xcoms": airflow.read_xcoms(dag_id, run_id),
        "errors": {key: error for key, error in watcher.errors.items() if key in failed},
        "inputs": dict(watcher.inputs),
        "log_texts": {key: sink.getvalue() for key, sink in watcher.sinks.items()},
    }


def _instance(row: Row) -> ObservedInstance:
    return ObservedInstance(row.task_id, row.index, row.state, row.label, row.try_number)


_WARM: set[str] = set()


def _warm_up(engine: Engine, airflow: Bridge) -> None:
    """Run a DAG of two tasks, once per process: a clock may only stand still when the run path is loaded."""
    if engine.name not in _WARM:
        _WARM.add(engine.name)
        execute(engine, airflow.make_smallest_dag(), RunRequest())
