"""How users of each of those compared test that a DAG runs: the same DAGs, and tests that differ in what they call."""

# The neighbour is used as its guide shows: `dag_bag` and `run_dag`, with `--dag-folder`; where several workers run one
# DAG, `xdist_group` and `--dist loadgroup`.

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from figures import BOX_PYTHON, DAG_TEST, IN_A_BOX, OURS

FAMILY = metadata.version("apache-airflow").partition(".")[0]

IMPORT_DAG_BAG = f"from airflow.{'dag_processing' if FAMILY == '3' else 'models'}.dagbag import DagBag"

DAGS = """\
import datetime

try:
    from airflow.sdk import DAG, task
except ImportError:
    from airflow import DAG
    from airflow.decorators import task

for width in {widths}:
    with DAG(f"wide_{{width}}", schedule=None, start_date=datetime.datetime(2024, 1, 1)):

        @task
        def numbers(width=width):
            return list(range(width))

        @task
        def double(number):
            return number * 2

        double.expand(number=numbers())
"""

TIMED = """\
import json, time
from pathlib import Path
{imports}
def test_runs({fixtures}):
    dags = {dags}
    seconds = []
    for dag_id in {dag_ids}:
        begun = time.perf_counter()
        succeeded = {run}
        seconds.append(time.perf_counter() - begun)
        assert succeeded, dag_id
    Path("seconds.json").write_text(json.dumps(seconds))
"""

CASES = """\
import pytest
{imports}
{mark}
@pytest.mark.parametrize("number", range({cases}))
def test_case(number, {fixtures}):
    dags = {dags}
    dag_id = "wide_{width}"
    assert {run}
"""


@dataclass(frozen=True)
class Way:
    """
    How one of those compared is used.

    Attributes:
        dags: The expression that gives the DAGs by id.
        run: The expression that runs the DAG `dag_id`, and is true if it succeeds.
        fixtures: What the test asks for.
        imports: What stands at the head of the test's file.
        mark: What stands above a test that runs beside others of the same DAG.
        options: What is typed behind `pytest`.
        parallel: What is typed to have two workers.
        python: Whose pytest.
    """

    dags: str
    run: str
    fixtures: str = ""
    imports: str = ""
    mark: str = ""
    options: tuple[str, ...] = ()
    parallel: tuple[str, ...] = ("-n", "2")
    python: Path = field(default=Path(sys.executable))

    def write_timed(self, folder: Path, widths: list[int]) -> None:
        """Write a test that runs DAGs of so many instances one after another, and notes the seconds of each."""
        dag_ids = [f"wide_{width}" for width in widths]
        (folder / "test_timed.py").write_text(TIMED.format(**self._words, dag_ids=dag_ids))

    def write_cases(self, folder: Path, width: int, cases: int) -> None:
        """Write so many tests that run the same DAG."""
        (folder / "test_cases.py").write_text(CASES.format(**self._words, width=width, cases=cases))

    @property
    def _words(self) -> Mapping[str, str]:
        names = ("dags", "run", "fixtures", "imports", "mark")
        return {name: getattr(self, name) for name in names}


WAYS = {
    OURS: Way('dynadag.load("dags").dags', "dynadag.run(dags[dag_id]).success", fixtures="dynadag"),
    DAG_TEST: Way(
        'DagBag("dags").dags',
        'dags[dag_id].test().state == "success"',
        imports=IMPORT_DAG_BAG,
        options=("-p", "no:dynadag"),
    ),
    IN_A_BOX: Way(
        "dag_bag.dags",
        "run_dag(dags[dag_id]).success",
        fixtures="dag_bag, run_dag",
        mark='@pytest.mark.xdist_group("wide")',
        options=("--dag-folder=dags",),
        parallel=("-n", "2", "--dist", "loadgroup"),
        python=BOX_PYTHON,
    ),
}


def find_ways() -> dict[str, Way]:
    """Give those that can be compared here: the neighbour has an environment with Airflow 3 only."""
    return {whose: way for whose, way in WAYS.items() if whose != IN_A_BOX or has_box()}


def has_box() -> bool:
    """Say whether the neighbour is there, with an Airflow of the family that is measured."""
    return FAMILY == "3" and BOX_PYTHON.exists()


def make_home(folder: Path, dags: Path) -> dict[str, str]:
    """Make a home for `dag.test()`, with a database in SQLite as Airflow makes it; give its environment."""
    env = {
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    command = [sys.executable, "-m", "airflow", "db", "migrate"]
    subprocess.run(command, env={**os.environ, **env}, capture_output=True, check=True)
    return env
