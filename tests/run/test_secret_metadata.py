"""What a run is given in secret: the task has it, and nobody reads it afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_dynadag.render.hiding import hide_in_expansion
from pytest_dynadag.render.snapshot import write_snapshot
from pytest_dynadag.run.runner import run_dag

PASSWORD, KEY = "hunter22", "t0ken-22"
USES_THEM = """
    with DAG("d", **START):
        @task
        def list_keys():
            from airflow.hooks.base import BaseHook
            try:
                from airflow.sdk import Variable
            except ImportError:
                from airflow.models import Variable
            found = BaseHook.get_connection("db").password
            print("it is", found)
            return [found, Variable.get("api_key")]

        @task(map_index_template="{{ task.op_kwargs['key'] }}")
        def use(key):
            raise ValueError(f"cannot log in as {key}")

        use.expand(key=list_keys())
"""


@pytest.mark.parametrize("engine", ["direct", "airflow"])
def test_a_secret_stays_with_the_task(load_dag: Callable[[str], Any], engine: str) -> None:
    """It is hidden in logs, errors, the failure's text, snapshots and reports; the test itself sees the values."""
    run = run_dag(
        load_dag(USES_THEM),
        variables={"api_key": KEY},
        connections={"db": f"postgres://ada:{PASSWORD}@nowhere/x"},
        engine=engine,
    )

    assert [PASSWORD, KEY] == run.xcoms["list_keys"]
    assert [{"key": PASSWORD}, {"key": KEY}] == run.expansion["use"].inputs
    assert "it is ***" in run.logs("list_keys")
    assert ["cannot log in as ***"] * 2 == [error.message for error in run.errors.values()]
    assert run.expansion["use"].labels == (PASSWORD, KEY)
    told = [run.describe(), write_snapshot(run), *map(run.logs, ("list_keys", "use[0]", "use[1]"))]
    told += [repr(hide_in_expansion(run.expansion, run.secrets)), repr(run), *map(str, run.errors.values())]
    assert [] == [text for text in told if PASSWORD in text or KEY in text]
