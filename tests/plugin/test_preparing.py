"""What is done before anything is collected: the generation, and what xdist's workers do meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from rim import SALES, write

Run = Callable[..., pytest.RunResult]

# Waits for the workers: those that begin only when it has been loaded would never be there.
WAITS = """\
import pathlib, time

until = time.monotonic() + 20
while len(list(pathlib.Path(__file__).parents[1].glob("*.started"))) < 2:
    assert time.monotonic() < until, "no worker has started"
    time.sleep(0.02)
time.sleep(1)  # so that they have the time to ask for it
"""
# Each worker says that it has started, and what it has loaded when it has collected.
TELLS = """\
import os, pathlib, sys

def tell(text, config):
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        (config.rootpath / f"{worker}.{text}").touch()

def pytest_sessionstart(session):
    tell("started", session.config)

def pytest_collection_finish(session):
    tell("loaded" if "airflow.settings" in sys.modules else "not-loaded", session.config)
"""
RUNS = "cases:\n  runs: {run: true, expect: {state: success}}\n"
PLANS = "cases:\n  plans: {given: {list_regions: [eu]}, expect: {load: 1}}\n"


@pytest.mark.parametrize(
    ("cases", "loaded"), [(RUNS, "loaded"), (PLANS, "not-loaded")], ids=["runs", "plans"]
)
def test_workers_start_while_dag_files_are_loaded(
    pytester: pytest.Pytester, run: Run, cases: str, loaded: str
) -> None:
    """They need not wait for each other; and where a case file says `run`, workers load what that needs meanwhile."""
    write(
        pytester, **{"conftest.py": TELLS, "dags/waits.py": WAITS + SALES, "dags/waits.dynadag.yaml": cases}
    )

    result = run("--dynadag", "dags", "-n", "2")

    result.assert_outcomes(passed=3)
    assert {f"gw{number}.{text}" for number in (0, 1) for text in ("started", loaded)} == {
        path.name for path in pytester.path.glob("gw*")
    }


def test_what_was_loaded_is_said_before_anything_is_collected(
    project: pytest.Pytester, run: Run, way: tuple[str, ...]
) -> None:
    """The line stands at the end of pytest's own header, however tests are handed out."""
    result = run("--dynadag", *way)

    result.stdout.re_match_lines(
        [
            "=+ test session starts =+",
            "plugins: .*",
            "dynadag: Airflow .*, 1 file with 1 DAG in .* s from dags .*",
            "(collected 5 items|2 workers|4 workers).*",
        ],
        consecutive=False,
    )


@pytest.mark.parametrize("way", [("-p", "no:xdist"), ("-n", "2")], ids=["alone", "n2"])
def test_progress_is_shown_while_files_take_long(
    pytester: pytest.Pytester, run: Run, way: tuple[str, str]
) -> None:
    """Every other second it is said how many files are loaded, though pytest captures what they print."""
    slow = "import time\ntime.sleep(1.2)\n" + SALES
    write(pytester, **{f"dags/{name}.py": slow.replace('"sales"', f'"{name}"') for name in ("one", "two")})

    result = run("--dynadag", "-k", "imports", *way)

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["dynadag: loading: [12] of 2 files", "dynadag: Airflow *"])


@pytest.mark.parametrize("quiet", ["-q", "--no-header"])
def test_without_a_header_nothing_is_said(project: pytest.Pytester, run: Run, quiet: str) -> None:
    """Who wants no header gets none from us."""
    assert "dynadag: Airflow" not in run("--dynadag", quiet).stdout.str()


def test_airflow_that_does_not_start(
    project: pytest.Pytester, run: Run, monkeypatch: pytest.MonkeyPatch, way: tuple[str, ...]
) -> None:
    """The session ends with one message and what Airflow says; no worker tries again, and nothing is left."""
    place = project.mkdir("tmp")
    write(project, **{"broken/airflow/__init__.py": "import os\nos.write(2, b'out of order')\nos._exit(3)\n"})
    monkeypatch.setenv("PYTHONPATH", str(project.path / "broken"))
    monkeypatch.setenv("TMPDIR", str(place))

    result = run("--dynadag", *way)

    assert pytest.ExitCode.USAGE_ERROR == result.ret
    problem = "Airflow could not be started to load the DAG files: the process ended with exit code 3"
    assert [f"ERROR: {problem}", "  out of order"] == [line for line in result.errlines if line.strip()]
    assert problem not in result.stdout.str()
    assert [] == sorted(Path(place).iterdir())
