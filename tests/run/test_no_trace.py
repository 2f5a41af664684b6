"""A run, and a failed one, leave the process as it was; many runs do not make it grow."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest

from pytest_dynadag.bridge.home import airflow_version
from pytest_dynadag.bridge.loading import bridge
from pytest_dynadag.run.engines.dag_test import run_with_dag_test
from pytest_dynadag.run.engines.direct import run_directly
from pytest_dynadag.run.request import RunRequest
from pytest_dynadag.run.stuck import StuckRunError

LoadDag = Callable[[str], Any]
ENGINES = {"direct": run_directly, "airflow": run_with_dag_test}

RUDE = """
    import logging, os, signal, warnings

    with DAG("rude", **START):
        @task
        def leave():
            os.environ["LEFT"] = "yes"
            os.chdir("/")
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            warnings.simplefilter("error")

        @task(retries=1, retry_delay=timedelta(hours=1))
        def fail():
            raise ValueError("always")

        @task(execution_timeout=timedelta(seconds=60))
        def in_time():
            return 1

        [leave(), fail(), in_time()]
        BashOperator(task_id="shell", bash_command="echo {{ ds }}")
"""

STUCK = """
    class Never(BaseSensorOperator):
        def poke(self, context):
            return False

    with DAG("stuck", **START):
        Never(task_id="wait", mode="reschedule", poke_interval=60, timeout=10**9)
"""


def snapshot(dag: Any) -> dict[str, Any]:
    """Measure all of a process that a run could change."""
    loggers = [logging.getLogger(), *map(logging.getLogger, ("airflow", "airflow.task"))]
    numbers = (signal.SIGTERM, signal.SIGALRM, signal.SIGSEGV, signal.SIGINT, signal.SIGUSR2)
    return {
        "environment": dict(os.environ),
        "handlers": [signal.getsignal(number) for number in numbers],
        "timer": signal.getitimer(signal.ITIMER_REAL)[1],
        "filters": list(warnings.filters),
        "showwarning": warnings.showwarning,
        "logging": [
            (entry.level, list(entry.handlers), entry.propagate, entry.disabled) for entry in loggers
        ],
        "disabled": logging.root.manager.disable,
        "folder": os.getcwd(),  # noqa: PTH109 - as a plain string
        "streams": (sys.stdout, sys.stderr),
        "modules": {name for name in sys.modules if name.startswith("unusual_prefix")},
        "clock": (datetime, time.time, time.monotonic, time.sleep),
        # 3.0 itself leaves a task's `deps` at the task (models/taskinstance.py).
        "dag": {
            task_id: sorted(name for name in vars(task) if name[0] != "_" and name != "deps")
            for task_id, task in dag.task_dict.items()
        },
        "contexts": contexts(),
    }


def contexts() -> list[Any]:
    """Give the open DAGs and task groups."""
    if bridge().family == "3":
        from airflow.sdk.definitions._internal.contextmanager import DagContext, TaskGroupContext

        return [list(DagContext._context), list(TaskGroupContext._context)]
    from airflow.models.dag import DagContext
    from airflow.utils.task_group import TaskGroupContext

    return [list(DagContext._context_managed_dags), TaskGroupContext._context_managed_task_group]


def own_threads() -> set[threading.Thread]:
    """Give the threads, but for those in which `dag.test()` of 3.0 and 3.1 leaves the loop of an API for each instance."""
    threads = set(threading.enumerate())
    if airflow_version().startswith(("3.0.", "3.1.")):
        return {thread for thread in threads if "(run_forever)" not in thread.name}
    return threads


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("at", [None, datetime(2024, 5, 1, tzinfo=timezone.utc)], ids=["now", "frozen"])
def test_the_process_is_as_before(load_dag: LoadDag, engine: str, at: datetime | None) -> None:
    """Whatever tasks do to their process is undone: environment, signals, warnings, logging, folder, clock, threads."""
    if at and engine == "airflow" and airflow_version().startswith("3.1."):
        pytest.skip(
            "the API that dag.test() of 3.1 makes for each instance does not start while the clock stands"
        )
    dag = load_dag(RUDE)
    ENGINES[engine](bridge().make_smallest_dag())  # what Airflow loads once may stay
    before, threads = snapshot(dag), own_threads()

    seen = ENGINES[engine](dag, RunRequest(at=at))

    assert seen.states == {"leave": "success", "fail": "failed", "in_time": "success", "shell": "success"}
    deadline = time.monotonic() + 10
    while own_threads() - threads and time.monotonic() < deadline:
        time.sleep(0.1)  # dag.test() of 3.x lets the threads of its sockets end by themselves
    assert own_threads() <= threads
    assert before == snapshot(dag)


def test_a_run_that_cannot_finish_leaves_nothing_either(load_dag: LoadDag) -> None:
    """A run that is stopped in the middle is cleaned up as well."""
    dag = load_dag(STUCK)
    before = snapshot(dag)

    with pytest.raises(StuckRunError):
        run_directly(dag)

    assert before == snapshot(dag)


def test_an_alarm_that_was_set_before_goes_off_during_a_run(load_dag: LoadDag) -> None:
    """The signal method of pytest-timeout works: a task that hangs is interrupted by whoever set the timer."""
    dag = load_dag("""
        import time
        with DAG("d", **START):
            @task
            def hang():
                time.sleep(60)

            hang()
    """)
    rung: list[int] = []
    handler = signal.signal(signal.SIGALRM, lambda number, frame: rung.append(number) or _stop())
    timer = signal.setitimer(signal.ITIMER_REAL, 2)
    started = time.monotonic()
    try:
        run_directly(dag)
    finally:
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, *timer)

    assert [signal.SIGALRM] == rung
    assert time.monotonic() - started < 50


def _stop() -> None:
    raise InterruptedError("time is up")


def test_a_hundred_runs_do_not_make_the_process_grow(load_dag: LoadDag) -> None:
    """The same DAG object runs a hundred times, each time alike, in at most 20 MB more."""
    dag = load_dag("""
        with DAG("d", **START):
            @task
            def numbers():
                return [1, 2, 3]

            @task
            def double(n):
                return n * 2

            double.expand(n=numbers())
    """)

    def run_many(times: int) -> int:
        for _ in range(times):
            assert run_directly(dag).returned["double[2]"] == 6
        gc.collect()
        return resident()

    before = run_many(20)

    assert run_many(80) - before < 20 * 2**20


def resident() -> int:
    """Give how many bytes of memory this process holds at the moment."""
    import psutil

    return int(psutil.Process().memory_info().rss)
