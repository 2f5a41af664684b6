"""Sessions in many processes: the same result however tests are handed out, and whoever of them dies."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rim import make_slow, write

Run = Callable[..., pytest.RunResult]

WAYS = {
    "n0": ("-n", "0"),
    "n4": ("-n", "4"),
    "worksteal": ("-n", "2", "--dist", "worksteal"),
    "loadfile": ("-n", "2", "--dist", "loadfile"),
    "loadscope": ("-n", "2", "--dist", "loadscope"),
}
"""The ways to hand out tests that no other test here takes."""

TESTS = """\
import pytest

def test_plan(dynadag, dynadag_snapshot):
    assert dynadag.plan("sales", given={"list_regions": ["eu", "us"]}) == dynadag_snapshot

@pytest.mark.parametrize("number", range(3))
def test_run(dynadag, number):
    run = dynadag.run("sales", given={"list_regions": list(range(number))})
    assert run.expansion.counts["load"] == number

def test_failing(dynadag):
    assert dynadag.run("sales", given={"list_regions": "eu"}).success

def test_load(dynadag):
    assert "broken" in dynadag.load("dags/broken.py").dags
"""
ASKED = ("--dynadag", "dags", "test_sales.py", "--dynadag-seeds", "2", "--dynadag-report", "report.json")


@pytest.fixture
def busy(project: pytest.Pytester, run: Run) -> pytest.Pytester:
    """Give a project in which every kind of item passes, and some fail; its snapshot is written."""
    write(project, **{"dags/broken.py": "from airflow import DAG\nx\n", "test_sales.py": TESTS})
    run("test_sales.py", "-k", "test_plan", "--snapshot-update").assert_outcomes(passed=1)
    return project


def read_report(folder: Path) -> dict[str, Any]:
    """Read what a session says it has done, without how long that took and in whose order."""
    report: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    for name in ("begun", "seconds", "generation_seconds"):
        del report[name]
    for record in (*report["dags"], *report["checks"], *report["expansions"]):
        del record["seconds"]
    for check in report["checks"]:
        if check["kind"] == "test":
            del check["message"]  # the reprs in it tell of seconds, and of what the worker did before
    for finding in report["findings"]:
        finding["nodeids"].sort()
    return {
        name: sorted(map(repr, value)) if isinstance(value, list) else value for name, value in report.items()
    }


def test_the_report_is_the_same_however_tests_are_handed_out(busy: pytest.Pytester, run: Run) -> None:
    """Checks, cases, plans, runs, findings, snapshots and coverage do not depend on who did what."""
    alone = run(*ASKED, "-k", "", "-p", "no:xdist")
    alone.assert_outcomes(passed=9, failed=3)
    expected = read_report(busy.path)

    for name, way in WAYS.items():
        run(*ASKED, "-k", "", *way).assert_outcomes(passed=9, failed=3)
        assert (name, expected) == (name, read_report(busy.path))


def test_each_worker_may_do_everything(busy: pytest.Pytester, run: Run) -> None:
    """With `--dist each` every worker has every test, at the same time; all pass where one does."""
    result = run(*ASKED, "--dist", "each", "--tx", "2*popen")

    result.assert_outcomes(passed=2 * 8, failed=2 * 3)


def test_what_failed_is_run_again_however_tests_are_handed_out(busy: pytest.Pytester, run: Run) -> None:
    """`--lf` takes just what failed in a session of one process, and it fails again."""
    run(*ASKED, "-p", "no:xdist").assert_outcomes(passed=8, failed=3)

    for dist in ("worksteal", "loadscope"):
        run(*ASKED, "--lf", "-n", "2", "--dist", dist).assert_outcomes(failed=3)


@pytest.mark.parametrize("stop", ["-x", "--maxfail=2"])
def test_a_session_stops_where_it_is_told(
    busy: pytest.Pytester, run: Run, stop: str, way: tuple[str, ...]
) -> None:
    """After as many failures as are allowed the session ends, in order."""
    result = run(*ASKED, stop, *way)

    expected = (
        pytest.ExitCode.INTERRUPTED if "2" in way else pytest.ExitCode.TESTS_FAILED
    )  # as pytest-xdist does
    assert expected == result.ret
    result.stdout.fnmatch_lines(["*stopping after * failures*"])
    assert (busy.path / "report.json").exists()


MANY = """\
import pytest

@pytest.mark.parametrize("number", range(200))
def test_many(dynadag, number):
    run = dynadag.run("sales", given={"list_regions": [number]})
    assert run.success
    assert run.xcoms["load[0]"] == f"{number} loaded"
"""


def test_one_dag_in_two_hundred_cases(project: pytest.Pytester, run: Run) -> None:
    """Four workers run one DAG two hundred times, each in a database of its own: all pass."""
    write(project, **{"test_many.py": MANY})

    result = run("test_many.py", "-n", "4")

    result.assert_outcomes(passed=200)


# -- workers that die -----------------------------------------------------------------------------------------

DIES = """\
import os, signal, threading, time, pytest

def test_dies(dynadag):
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGKILL)).start()
    dynadag.run("slow")

@pytest.mark.parametrize("number", range(3))
def test_lives(dynadag, number):
    assert dynadag.run("sales", given={"list_regions": [number]}).success
"""
KILLS_ONCE = """\
import os, pathlib, signal, time

note = pathlib.Path(__file__).parents[1] / "killed"
if not note.exists():
    note.write_text(str(os.getpid()))
    worker = os.getppid()
    while b"probe" in pathlib.Path(f"/proc/{worker}/cmdline").read_bytes():
        worker = int(pathlib.Path(f"/proc/{worker}/stat").read_text().split()[3])
    os.kill(worker, signal.SIGKILL)
    time.sleep(600)
"""


@pytest.fixture
def place(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give the folder for temporary files of the sessions that a test starts; nothing may stay in it."""
    place = pytester.path / "tmp"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    yield place
    assert [] == sorted(place.iterdir())


def test_a_worker_killed_in_a_run(project: pytest.Pytester, run: Run, place: Path) -> None:
    """The test is reported as crashed, the others pass in another worker, and no folder or lock is left."""
    write(project, **{"dags/slow.py": make_slow(), "test_it.py": DIES})

    result = run("--dynadag", "dags", "test_it.py", "-n", "2")

    result.assert_outcomes(passed=9, failed=1)
    result.stdout.fnmatch_lines(["*worker 'gw?' crashed while running 'test_it.py::test_dies'*"])


def test_a_worker_killed_in_a_generation(project: pytest.Pytester, run: Run, place: Path) -> None:
    """The next one that asks generates again, and what the killed one had started ends with it."""
    write(
        project,
        **{"dags/kills.py": f"{KILLS_ONCE}\n{make_slow()}", "test_it.py": DIES.replace("test_dies", "no")},
    )

    result = run("test_it.py", "-n", "2")

    assert 0 < result.parseoutcomes()["failed"] < 3
    probe = int((project.path / "killed").read_text())
    until = time.monotonic() + 10
    while Path(f"/proc/{probe}").exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not Path(f"/proc/{probe}").exists()
