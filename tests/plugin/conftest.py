"""The fixtures of the tests of the rim."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rim import ADDOPTS, CASES, SALES, write

WAYS = {"without xdist": ("-p", "no:xdist"), "n0": ("-n", "0"), "n2": ("-n", "2")}
"""The three ways a session may run; each must collect and report the same."""

Run = Callable[..., pytest.RunResult]


@pytest.fixture(scope="module", params=WAYS.values(), ids=WAYS.keys())
def way(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Give the arguments of each of the three ways."""
    arguments: tuple[str, ...] = request.param
    return arguments


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run pytest in a process of its own, in the folder of the test."""
    monkeypatch.setenv("PYTEST_ADDOPTS", ADDOPTS)
    for name in ("AIRFLOW_HOME", "AIRFLOW__CORE__DAGS_FOLDER", "PYTEST_XDIST_WORKER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> pytest.RunResult:
        return pytester.runpytest_subprocess(*arguments, timeout=120)

    return run


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """Write a project with a DAG folder: one DAG, and its cases."""
    write(pytester, **{"dags/sales.py": SALES, "dags/sales.dynadag.yaml": CASES})
    return pytester
