"""The supervisor in memory: what it answers, and what happens where it has no answer."""

from __future__ import annotations

import subprocess
import sys
import typing
from collections.abc import Callable
from typing import Any

import pytest

from pytest_dynadag.bridge.home import airflow_version
from pytest_dynadag.bridge.supervisor import Supervisor, UnansweredError
from pytest_dynadag.run.runner import run_dag

pytestmark = pytest.mark.skipif(airflow_version().startswith("2"), reason="Airflow 2 has no supervisor")

LoadDag = Callable[[str], Any]

BY_OTHERS = {"ResendLoggingFD", "UpdateHITLDetail", "GetHITLDetailResponse"}
"""Sent by another interpreter, whose socket answers, and by the triggers of tasks that wait for a person."""


def test_every_message_has_an_answer() -> None:
    """Whatever a task of the installed Airflow can send is answered, but for what tasks do not send."""
    from airflow.sdk.execution_time import comms

    union = comms.ToSupervisor
    kinds = typing.get_args(typing.get_args(union)[0]) or typing.get_args(union)
    names = {kind.__name__ for kind in kinds}

    assert len(names) > 20
    assert names - BY_OTHERS == {name for name in names if hasattr(Supervisor, f"on_{name}")}


def test_a_message_without_an_answer_ends_the_run(load_dag: LoadDag, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says which task asks for what, in which line, and what to do; nothing is run again."""
    dag = load_dag("""
        from airflow.sdk import Variable

        with DAG("d", **START):
            @task
            def count():
                try:
                    Variable.get("there_is_none")
                except BaseException:
                    pass

            count()
    """)
    monkeypatch.delattr(Supervisor, "on_GetVariable")
    line = dag.task_dict["count"].python_callable.__code__.co_firstlineno + 3

    with pytest.raises(UnansweredError) as caught:
        run_dag(dag)

    assert str(caught.value) == (
        f"count asks for GetVariable of the supervisor at {dag.fileloc}:{line}, "
        "which a run without a metadata database does not have\n"
        "  next: run it with engine=\"airflow\", or give the task an output, given={'count': ...}"
    )


def test_a_task_that_opens_the_database_ends_the_run(load_dag: LoadDag) -> None:
    """Airflow keeps tasks of its own from the database as well; a task that catches the refusal is told all the same."""
    dag = load_dag("""
        with DAG("d", **START):
            @task
            def query():
                from airflow.utils.session import create_session
                try:
                    with create_session() as session:
                        session.flush()
                except BaseException:
                    pass

            query()
    """)

    with pytest.raises(UnansweredError, match=r"^query asks for the metadata database at .*, which a run"):
        run_dag(dag)


EVENTS = """
    from airflow.sdk import Asset, Metadata

    eu = Asset("eu", uri="s3://sales/eu")

    with DAG("d", **START):
        @task(outlets=[eu])
        def load(n):
            yield Metadata(eu, {"n": n})

        @task(inlets=[eu])
        def report(inlet_events=None):
            return [(event.extra, event.source_task_instance.map_index) for event in inlet_events[eu]]

        load.expand(n=[1, 2]) >> report()
"""


def test_events_of_assets_are_seen_in_the_run(load_dag: LoadDag) -> None:
    """What tasks tell of an asset, later tasks of the run read, with who told it."""
    assert run_dag(load_dag(EVENTS)).xcom("report") == [({"n": 1}, 0), ({"n": 2}, 1)]


WITHOUT = """
import sys
from pathlib import Path
from pytest_dynadag.bridge.home import settle
from pytest_dynadag.bridge.loading import load_file
from pytest_dynadag.run.runner import run_dag

with settle(Path(sys.argv[1])):
    dag = load_file(Path(sys.argv[2])).dags["d"]
    before = set(sys.modules)
    assert run_dag(dag).state == "success"
    new = set(sys.modules) - before
    print([name for name in new if name.startswith(("fastapi", "cadwyn", "uvicorn", "sqlalchemy", "airflow.models"))])
"""


def test_a_run_imports_neither_the_api_server_nor_the_models(
    load_dag: LoadDag, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The first run of a process is quick: it imports nothing of FastAPI, cadwyn, uvicorn, SQLAlchemy or Airflow's models."""
    file = load_dag(EVENTS).fileloc
    command = [sys.executable, "-c", WITHOUT, str(tmp_path_factory.mktemp("home")), file]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"
