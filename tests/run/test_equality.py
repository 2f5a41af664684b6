"""The engine `direct` gives what `dag.test()` gives: for every DAG of the suite, and for every feature of Airflow."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from outcomes import outcome

from pytest_dynadag.bridge.loading import load_file
from pytest_dynadag.run.engines.dag_test import run_with_dag_test
from pytest_dynadag.run.engines.direct import run_directly

HERE = Path(__file__).parent
CONFORMANCE = HERE.parent / "conformance" / "dags.py"
FEATURES = HERE / "features.py"
EXAMPLES = sorted((HERE.parents[1] / "example_dags").glob("[!t]*.py"))
"""Without tests; `tenants.yaml` is found by config_driven.py itself."""


@cache
def dag_ids(file: Path) -> tuple[str, ...]:
    """Find the ids that a DAG file writes down, without Airflow: `DAG("id"`, or a function under `@case`."""
    return tuple(re.findall(r'^with DAG\(\s*"(\w+)"|^@case\ndef (\w+)', file.read_text(), re.MULTILINE))


class Files:
    """DAG files, loaded once per engine: what a task changes in its DAG must not reach the other engine."""

    def __init__(self) -> None:
        self.loaded: dict[tuple[str, Path], dict[str, Any]] = {}

    def dags(self, engine: str, file: Path) -> dict[str, Any]:
        """Give the DAGs of a file, by id."""
        if (engine, file) not in self.loaded:
            self.loaded[engine, file] = dict(load_file(file).dags)
        return self.loaded[engine, file]


@pytest.fixture(scope="module")
def files() -> Files:
    """Load each file once."""
    return Files()


def both(files: Files, file: Path, dag_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give the outcomes of a DAG: by `dag.test()`, and direct."""
    found = []
    for engine, run in (("airflow", run_with_dag_test), ("direct", run_directly)):
        dags = files.dags(engine, file)
        siblings = [dag for name, dag in dags.items() if name != dag_id] if file == FEATURES else []
        found.append(outcome(run, dags[dag_id], siblings))
    return found[0], found[1]


def ids_of(file: Path) -> list[str]:
    """Give the dag ids in a file, as written."""
    return [one or other for one, other in dag_ids(file)]


@pytest.mark.parametrize("dag_id", ids_of(CONFORMANCE))
def test_conformance_dags_have_the_same_outcome(files: Files, dag_id: str) -> None:
    """States, XComs, labels, inputs and errors of a mapping feature are those of `dag.test()`."""
    if dag_id not in files.dags("airflow", CONFORMANCE):
        pytest.skip("this version of Airflow refuses the DAG when the file is parsed")
    expected, found = both(files, CONFORMANCE, dag_id)

    assert expected == found


@pytest.mark.parametrize("dag_id", ids_of(FEATURES))
def test_features_have_the_same_outcome(files: Files, dag_id: str) -> None:
    """Callbacks, retries, branches, sensors, triggers, assets and the like are as with `dag.test()`."""
    expected, found = both(files, FEATURES, dag_id)

    assert expected == found


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_example_dags_have_the_same_outcome(files: Files, file: Path) -> None:
    """The DAGs that we show run alike."""
    for dag_id in files.dags("airflow", file):
        expected, found = both(files, file, dag_id)
        assert expected == found
