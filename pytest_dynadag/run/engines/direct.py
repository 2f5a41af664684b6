"""The engine `direct`: what `dag.test()` does, without its detours."""

# On Airflow 3 no database is needed, see `memory`. On Airflow 2 the scheduler and the task code are Airflow's own, on a
# database in memory; rows that no task can read are not written.

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pytest_dynadag.bridge import database
from pytest_dynadag.bridge.loading import bridge
from pytest_dynadag.bridge.waiting import Patience, sleepless
from pytest_dynadag.bridge.worker2 import working
from pytest_dynadag.run.clock import RunClock
from pytest_dynadag.run.engines.execution import Engine, execute
from pytest_dynadag.run.engines.memory import run_in_memory
from pytest_dynadag.run.observation import Observation
from pytest_dynadag.run.request import RunRequest


@contextmanager
def _jumping(clock: RunClock) -> Iterator[Patience]:
    patience = Patience(clock)
    with sleepless(patience):
        yield patience


ON_DATABASE = Engine(name="direct", database=database.in_memory, worker=working, waiting=_jumping)
"""Airflow 2."""


def run_directly(dag: Any, request: RunRequest | None = None) -> Observation:
    """Run *dag* once and return what it did; see `execution.execute` and `memory.run_in_memory`."""
    request = request or RunRequest()
    return run_in_memory(dag, request) if bridge().family == "3" else execute(ON_DATABASE, dag, request)
