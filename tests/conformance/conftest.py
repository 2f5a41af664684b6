"""What the conformance tests share: an isolated home, the conformance DAGs, and one order where Airflow has none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from comparison import HERE, dependencies_in_order

from pytest_dynadag.bridge.home import Isolation, settle
from pytest_dynadag.bridge.lines import noted_lines
from pytest_dynadag.bridge.loading import load_file


@pytest.fixture(scope="session", autouse=True)
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Isolation]:
    """Settle one isolated home for these tests, before anything imports Airflow."""
    with settle(tmp_path_factory.mktemp("airflow")) as isolation:
        yield isolation


@pytest.fixture(scope="session")
def dags(airflow_home: Isolation) -> dict[str, Any]:
    """Load the conformance DAGs, by name."""
    with noted_lines():
        loaded = load_file(HERE / "dags.py")
    assert {} == dict(loaded.errors)
    return dict(loaded.dags)


@pytest.fixture(autouse=True)
def _fixed_order(airflow_home: Isolation) -> Iterator[None]:
    with dependencies_in_order():
        yield
