"""The engine `airflow`: Airflow's own `dag.test()`, for any DAG object, observed."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from pytest_dynadag.bridge import database
from pytest_dynadag.bridge.running import impatient
from pytest_dynadag.run.engines.execution import Engine, execute
from pytest_dynadag.run.observation import Observation
from pytest_dynadag.run.request import RunRequest

DAG_TEST = Engine(
    name="airflow",
    database=database.on_file,
    worker=nullcontext,
    # What is retried or rescheduled is ready at once; a sensor that pokes, and a trigger, wait as in `dag.test()`.
    waiting=lambda clock: impatient(),
)


def run_with_dag_test(dag: Any, request: RunRequest | None = None) -> Observation:
    """Run *dag* once with Airflow's own `dag.test()`, see `execute`."""
    return execute(DAG_TEST, dag, request or RunRequest())
