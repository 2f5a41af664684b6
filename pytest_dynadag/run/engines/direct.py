"""The engine `direct`: `dag.test()` with another worker, on a database in memory."""

# Airflow's own: every decision of the scheduler, the task code, and on 3.x the execution API's functions. Ours: that
# they are called without HTTP, sockets, threads and files, and that rows which nobody can read are not written.

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pytest_dynadag.bridge import database
from pytest_dynadag.bridge.waiting import Patience, sleepless
from pytest_dynadag.run.clock import RunClock
from pytest_dynadag.run.engines.execution import Engine, execute
from pytest_dynadag.run.observation import Observation
from pytest_dynadag.run.request import RunRequest


@contextmanager
def _jumping(clock: RunClock) -> Iterator[Patience]:
    patience = Patience(clock)
    with sleepless(patience):
        yield patience


DIRECT = Engine(
    name="direct",
    database=database.in_memory,
    worker=lambda airflow, dag: airflow.direct(dag),
    waiting=_jumping,
)


def run_directly(dag: Any, request: RunRequest | None = None) -> Observation:
    """Run *dag* once as `dag.test()` would, without its detours, see `execute`."""
    return execute(DIRECT, dag, request or RunRequest())
