"""What the tests of runs share: an isolated home, and DAGs loaded from a text."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from header import HEADER

from pytest_dynadag.bridge.home import Isolation, settle
from pytest_dynadag.bridge.loading import load_file


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
