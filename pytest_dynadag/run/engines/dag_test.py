"""The engine `airflow`: Airflow's own `dag.test()`, for any DAG object, observed."""

from __future__ import annotations

import contextlib
import io
import os
import time
import warnings
from collections.abc import Iterator
from traceback import walk_tb
from typing import Any

from pytest_dynadag.bridge import database
from pytest_dynadag.bridge.loading import bridge, restored_signals
from pytest_dynadag.bridge.metadata import changed_environment, metadata_environment
from pytest_dynadag.bridge.protocol import Bridge, Row
from pytest_dynadag.bridge.running import RunStopped, impatient, paced, read_rows
from pytest_dynadag.errors import UnknownNameError
from pytest_dynadag.graph.given import format_key
from pytest_dynadag.location import Location
from pytest_dynadag.run.clock import frozen
from pytest_dynadag.run.engines.arming import GivenTasks
from pytest_dynadag.run.engines.watching import RunWatcher
from pytest_dynadag.run.observation import Observation, ObservedInstance
from pytest_dynadag.run.request import RunRequest
from pytest_dynadag.run.stuck import AirflowRaisedError, ParamsError, StuckRunError


def run_with_dag_test(dag: Any, request: RunRequest | None = None) -> Observation:
    """
    Run *dag* once with Airflow's own `dag.test()`, and say what it did.

    The run starts from an empty database that is ours, and leaves nothing behind: environment, signal
    handlers, working directory, warnings and the DAG object are as before.

    Args:
        dag: An Airflow DAG object, loaded from a file or built in a test.
        request: What to give, and how to run.

    Raises:
        StuckRunError: The run cannot finish.
        GivenError: The given has no entry for an instance of the run.
        UnknownNameError: The given names a task that the DAG does not have.
        ParamsError: A param that the DAG does not allow.
        AirflowRaisedError: Airflow itself raised, not a task.
        NotIsolatedError: Airflow's database is not ours.
    """
    request = request or RunRequest()
    airflow = bridge()
    given = GivenTasks(airflow, dag, request.given)
    watcher = RunWatcher(airflow, dag, given)
    check_request(dag, request)
    if request.moment is not None:
        _warm_up(airflow)
    started = time.clock_gettime(time.CLOCK_MONOTONIC)
    with undisturbed(request):
        database.prepare()
        database.empty()
        dag_run = _test(airflow, dag, request, watcher)
        observation = observe(airflow, dag_run, watcher)
    if given.problem is not None:
        raise given.problem
    seconds = time.clock_gettime(time.CLOCK_MONOTONIC) - started
    return Observation(**observation, seconds=seconds)


def _test(airflow: Bridge, dag: Any, request: RunRequest, watcher: RunWatcher) -> Any:
    try:
        with (
            frozen(request.moment),
            airflow.stored(dag, request.siblings),
            airflow.watched(watcher),
            paced(airflow, dag, request.sort),
            impatient(),
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


@contextlib.contextmanager
def undisturbed(request: RunRequest) -> Iterator[None]:
    """Make what is given visible, and put back whatever a run changes in the process."""
    folder = os.getcwd()  # noqa: PTH109 - restored as a plain string
    environment = {
        **metadata_environment(request.variables, request.connections, request.env),
        "AIRFLOW__CORE__MAX_MAP_LENGTH": str(request.given.max_map_length),
    }
    with contextlib.ExitStack() as stack:
        stack.callback(os.chdir, folder)
        stack.enter_context(changed_environment(environment))
        stack.enter_context(restored_signals())
        if request.quiet:
            stack.enter_context(_silent())
        yield


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield


_WARM: list[bool] = []


def _warm_up(airflow: Bridge) -> None:
    """Run a DAG of one task, once per process: a clock may only stand still when the run path is loaded."""
    if _WARM:
        return
    _WARM.append(True)
    run_with_dag_test(airflow.make_smallest_dag())
