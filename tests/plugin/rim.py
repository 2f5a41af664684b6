"""What the tests of the rim share: a project with DAGs, and reading what pytest printed about one item."""

from __future__ import annotations

from pathlib import Path

import lean
import projects
import pytest

ADDOPTS = f"-k 'not deterministic' {lean.ADDOPTS}"
"""
Of each session here: checks of determinism have tests of their own (tests/determinism) and take a while.

They are left out unless a test chooses items itself with `-k`.
"""

SALES = """\
import datetime as dt
try:
    from airflow.sdk import DAG, task
except ImportError:
    from airflow import DAG
    from airflow.decorators import task

with DAG("sales", schedule=None, start_date=dt.datetime(2024, 1, 1)):

    @task
    def list_regions():
        return ["eu", "us"]

    @task
    def load(region):
        return f"{region} loaded"

    @task
    def report(loaded):
        return len(loaded)

    report(load.expand(region=list_regions()))
"""

CASES = """\
cases:
  two regions:
    given: {list_regions: [eu, us]}
    expect: {load: 2}
  nobody home:
    given: {list_regions: []}
    expect: {load: 0, report: skipped}
"""


def make_slow(before: str = "") -> str:
    """Give the text of a DAG called slow, whose only task does what *before* says, and then waits for ten minutes."""
    return f"""\
import datetime as dt
import pathlib
import time
from airflow import DAG
try:
    from airflow.sdk import task
except ImportError:
    from airflow.decorators import task

with DAG("slow", schedule=None, start_date=dt.datetime(2024, 1, 1)):

    @task
    def wait():
        {before}
        time.sleep(600)

    wait()
"""


def write(pytester: pytest.Pytester, **files: str) -> None:
    """Write *files*, name to text, into the folder of the test."""
    projects.write_into(pytester.path, files)


def run_in(folder: Path, *arguments: str) -> pytest.RunResult:
    """Run pytest as the fixture `run` does, in any folder: for sessions that several tests look at."""
    return projects.run_in(folder, *arguments, addopts=ADDOPTS)


def node_ids(result: pytest.RunResult) -> list[str]:
    """Give the ids that `--collect-only -q` printed."""
    return [line for line in result.outlines if "::" in line]


def message_about(result: pytest.RunResult, title: str) -> str:
    """Give what stands below the heading *title* among the failures."""
    start = next(n for n, line in enumerate(result.outlines) if line.strip("_ ") == title and "__" in line)
    shown = []
    for line in result.outlines[start + 1 :]:
        if line.startswith(("____", "====", "----")):
            break
        if not line.startswith("[gw"):  # which xdist worker it was
            shown.append(line)
    return "\n".join(shown)
