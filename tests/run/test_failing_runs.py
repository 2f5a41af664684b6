"""What a failed run says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from header import HEADER_LINES

from pytest_dynadag.run.failures import describe_failures, last_words
from pytest_dynadag.run.observation import Observation, ObservedInstance
from pytest_dynadag.run.runner import run_dag

LoadDag = Callable[[str], Any]


def test_a_failed_run_describes_its_failing_instances(load_dag: LoadDag) -> None:
    """Key, label, error, line and last words of what failed; what did not start for that; whole message."""
    dag = load_dag("""
        with DAG("sales", **START):
            @task(map_index_template="{{ task.op_kwargs['region'] }}", retries=1)
            def load(region):
                print("loading", region)
                if region == "us":
                    raise ValueError("no such region")

            @task
            def report(loaded):
                return 1

            report(load.expand(region=["eu", "us"]))
    """)

    text = run_dag(dag).describe()

    lines = [line for line in text.splitlines() if "Done. Returned" not in line]
    assert lines[:4] == [
        "the run of 'sales' ended as failed: 1 instance failed",
        "  load[1] (us), after 2 tries: ValueError",
        "    no such region",
        f"    at {dag.fileloc}:{HEADER_LINES + 7}",
    ]
    assert "      loading us" in lines
    assert lines[-1] == "  not started for that: report"
    assert "site-packages" not in text


def test_many_failures_are_counted() -> None:
    """Beyond the first few, failing instances are only named."""
    instances = tuple(ObservedInstance("t", index, "failed", try_number=1) for index in range(7))

    text = describe_failures(Observation("d", "r", "failed", None, instances))

    assert text.splitlines()[0] == "the run of 'd' ended as failed: 7 instances failed"
    assert text.splitlines()[-1] == "  and 2 more: t[5], t[6]"


def test_last_words_are_the_tasks_own() -> None:
    """Tracebacks and Airflow's own lines are left out of a log."""
    text = "one\nTraceback (most recent call last):\n  File x\nValueError: no\ntwo\nExporting env vars: A=1\n"

    assert last_words(text) == ["one", "two"]


LOOKUPS = {
    "variables": "Variable.get('tenants')",
    "connections": "BaseHook.get_connection('tenants')",
}


@pytest.mark.parametrize("argument", LOOKUPS)
@pytest.mark.parametrize("engine", ["direct", "airflow"])
def test_what_is_missing_names_itself_and_how_to_give_it(
    load_dag: LoadDag, argument: str, engine: str
) -> None:
    """A Variable or Connection that a task lacks comes with its name, and the argument that gives it."""
    dag = load_dag(f"""
        with DAG("d", **START):
            @task
            def look():
                return {LOOKUPS[argument]}

            look()
    """)

    error = run_dag(dag, engine=engine).errors["look"]

    assert "tenants" in error.message
    assert str(error).endswith(
        f"\n  next: pass {argument}={{'tenants': ...}}, or write it under `{argument}:` in the case file"
    )
