"""What the tests of the door share: an isolated home, settled before anything imports Airflow."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_dynadag.bridge.home import Isolation, settle


@pytest.fixture(scope="session", autouse=True)
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Isolation]:
    """Settle one isolated home for these tests."""
    with settle(tmp_path_factory.mktemp("airflow")) as isolation:
        yield isolation
