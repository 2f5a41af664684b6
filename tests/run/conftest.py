"""What the tests of runs share: an isolated home, and DAGs loaded from a text."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_dynadag.bridge.home import Isolation, settle
from pytest_dynadag.bridge.loading import load_file

HEADER = """\
from datetime import datetime, timedelta, timezone
try:
    from airflow.sdk import DAG, BaseOperator, Param, Variable, dag, task, task_group, get_current_context
    from airflow.sdk.exceptions import AirflowSkipException, AirflowFailException
    from airflow.sdk.bases.sensor import BaseSensorOperator
    from airflow.sdk import BaseHook
    from airflow.providers.standard.operators.python import PythonOperator, get_current_context
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
except ImportError:
    from airflow import DAG
    from airflow.decorators import dag, task, task_group
    from airflow.hooks.base import BaseHook
    from airflow.models import BaseOperator, Param, Variable
    from airflow.exceptions import AirflowSkipException, AirflowFailException
    from airflow.operators.bash import BashOperator
    from airflow.operators.python import PythonOperator, get_current_context
    from airflow.operators.trigger_dagrun import TriggerDagRunOperator
    from airflow.sensors.base import BaseSensorOperator
START = dict(schedule=None, start_date=datetime(2024, 1, 1, tzinfo=timezone.utc), catchup=False)
"""

HEADER_LINES = len(HEADER.splitlines())


@pytest.fixture(scope="session", autouse=True)
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Isolation]:
    """Settle one isolated home for these tests, before anything imports Airflow."""
    with settle(tmp_path_factory.mktemp("airflow")) as isolation:
        yield isolation


@pytest.fixture
def load_dags(tmp_path: Path) -> Callable[[str], dict[str, Any]]:
    """Write a DAG file, with the imports that both versions need, and load it."""

    def load(text: str) -> dict[str, Any]:
        file = tmp_path / "dags.py"
        file.write_text(HEADER + textwrap.dedent(text))
        loaded = load_file(file)
        assert {} == dict(loaded.errors)
        return dict(loaded.dags)

    return load


@pytest.fixture
def load_dag(load_dags: Callable[[str], dict[str, Any]]) -> Callable[[str], Any]:
    """Load the one DAG that a text defines."""

    def load(text: str) -> Any:
        (dag,) = load_dags(text).values()
        return dag

    return load
