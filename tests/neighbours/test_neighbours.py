"""Together with the plugins that users have beside this one: what we do, and what they do, stays the same."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

FOLDER = os.environ.get("DYNADAG_NEIGHBOURS", "")

pytestmark = pytest.mark.skipif(
    not FOLDER, reason="other plugins are needed: `make neighbours` installs them"
)

SALES = (Path(__file__).parents[2] / "example_dags" / "taskflow_each.py").read_text(encoding="utf-8")
CASES = """\
cases:
  two items:
    given: {list_data: [{data_id: a, process_time: b}, {data_id: c, process_time: d}]}
    expect: {process: 2}
  for real:
    run: true
    expect: {state: success}
"""
TESTS = """\
import asyncio
import pytest

@pytest.mark.parametrize("number", range(4))
def test_plan(dynadag, number):
    dag_id = sorted(dynadag.load("dags/each.py").structures)[0]
    assert dynadag.sizes(dag_id, lengths=[number])

def test_run(dynadag):
    dag_id = sorted(dynadag.load("dags/each.py").structures)[0]
    assert dynadag.run(dag_id).success

@pytest.mark.flaky(reruns=1)
def test_again(dynadag, request):
    assert getattr(request.node, "execution_count", 1) > 1

@pytest.mark.asyncio
async def test_async(dynadag):
    await asyncio.sleep(0)
    assert dynadag.load("dags/each.py").import_errors == {}
"""
PINNED = Path(__file__).parents[2] / "constraints" / "neighbours.txt"
Session = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """Give what runs pytest in a project of its own, with every neighbour installed and active."""
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "each.py").write_text(SALES)
    (tmp_path / "dags" / "each.dynadag.yaml").write_text(CASES)
    (tmp_path / "test_each.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTEST"))}
    environment = {**kept, "PYTHONPATH": FOLDER, "COLUMNS": "200"}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=280, check=False
        )

    return run


ASKED = ("--dynadag", "dags", "test_each.py", "--dynadag-seeds", "2")


@pytest.mark.parametrize("timeout", ["signal", "thread"])
@pytest.mark.parametrize("way", [("-p", "no:xdist"), ("-n", "2")], ids=["alone", "n2"])
def test_all_of_them_at_once(session: Session, tmp_path: Path, way: tuple[str, ...], timeout: str) -> None:
    """Shuffled, timed, covered, repeated, reported and beside asyncio, everything passes; the rerun is theirs."""
    limits = ("--timeout=200", f"--timeout-method={timeout}")
    reports = ("--html=report.html", "--cov=dags", "--dynadag-report=report.json")

    result = session(*ASKED, *limits, *reports, *way)

    assert result.returncode == 0, result.stdout
    assert "1 rerun" in result.stdout
    assert "Using --randomly-seed=" in result.stdout
    assert (tmp_path / "report.html").stat().st_size
    report = json.loads((tmp_path / "report.json").read_text())
    assert {"passed"} == {check["outcome"] for check in report["checks"]}
    assert {"imports", "deterministic", "expands", "case", "test"} == {c["kind"] for c in report["checks"]}


def test_two_shards_make_the_whole(session: Session, tmp_path: Path) -> None:
    """Dealt out by pytest-split, each check is made once, and the merged report has them all."""
    options = ("-p", "no:randomly", "--deselect", "test_each.py::test_again")
    whole = session(*ASKED, *options, "--dynadag-report=whole.json")

    shards = [
        session(*ASKED, *options, "--splits=2", f"--group={n}", f"--dynadag-report={n}.json") for n in (1, 2)
    ]

    assert [0, 0, 0] == [result.returncode for result in (whole, *shards)], whole.stdout
    merging = [sys.executable, "-m", "pytest_dynadag", "merge", "1.json", "2.json", "-o", "merged.json"]
    subprocess.run(merging, cwd=tmp_path, check=True, capture_output=True)
    reports = [json.loads((tmp_path / f"{name}.json").read_text()) for name in ("whole", "merged", "1", "2")]
    names = [sorted(check["nodeid"] for check in report["checks"]) for report in reports]
    assert names[0] == names[1] == sorted(names[2] + names[3])
    assert reports[0]["coverage"] == reports[1]["coverage"]


def test_every_neighbour_is_there(session: Session) -> None:
    """The plugins that this is about are loaded, and ours with them."""
    loaded = re.search(r"^plugins: (.*)$", session("--collect-only", "test_each.py").stdout, re.MULTILINE)

    listed = re.findall(r"^pytest-([\w-]+==[\w.]+)", PINNED.read_text(), re.MULTILINE)
    assert loaded
    assert {*(name.replace("==", "-") for name in listed)} <= set(loaded[1].split(", "))
    assert "dynadag-" in loaded[1]
