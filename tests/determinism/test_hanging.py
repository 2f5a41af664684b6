"""A file that never ends under one circumstance: found in the screening, explained in the isolation, in nobody's way."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_dynadag.generate.determinism import check
from pytest_dynadag.generate.divergences import Determinism, Divergence
from pytest_dynadag.generate.records import Root

SOON = 5.0
"""Seconds for the file that never ends: more than the others need on a slow machine."""

HEADER = "from datetime import datetime\nfrom airflow import DAG\nfrom airflow.decorators import task\nload = task(lambda value: value)\n"
FILES = {
    "clean.py": "load.expand(value=['eu', 'us'])",
    "hangs.py": "begun = time.time()\nload.expand(value=['eu', 'us'])\nif time.gmtime().tm_year > 2027:\n    time.sleep(600)",
    "shuffled.py": "load.expand(value=list({'eu', 'us'}))",
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Determinism:
    """Check three files, one of which hangs in a later year."""
    folder = tmp_path_factory.mktemp("dags")
    for name, body in FILES.items():
        dag = f"with DAG({name!r}, schedule=None, start_date=datetime(2024, 1, 1)):\n"
        inside = "".join(f"    {line}\n" for line in body.splitlines())
        (folder / name).write_text(f"import time\n{HEADER}{dag}{inside}", encoding="utf-8")
    return check([Root(folder, "a test")], folder=tmp_path_factory.mktemp("work"), seeds=2, timeout=SOON)


def _divergences(found: Determinism, name: str) -> tuple[Divergence, ...]:
    return next(file for file in found.files if Path(file.path).name == name).divergences


def test_a_file_that_hangs_under_one_circumstance_is_reported_for_it(found: Determinism) -> None:
    """The clock is named as the cause, with the line that asks and hangs, and not one that asks too."""
    (entry,) = _divergences(found, "hangs.py")
    expected = f"""\
{entry.location}: DYN103 the file depends on the clock
  the file loads now and fails at 2031-01-01 00:07:03 UTC: the process that loaded the file was stopped after 5 s
  at /failure
  {entry.location}: if time.gmtime().tm_year > 2027:
  next: let the file load under both; what it needs belongs into a task, or into a default"""

    assert expected == str(entry.finding)
    assert entry.location is not None
    assert entry.location.line == 9


def test_the_files_beside_it_are_judged(found: Determinism) -> None:
    """One is found to depend on the hash seed as ever, the other on nothing."""
    assert ["DYN102"] == [entry.rule for entry in _divergences(found, "shuffled.py")]
    assert () == _divergences(found, "clean.py")
    assert len(FILES) == len(found.files)
