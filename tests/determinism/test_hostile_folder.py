"""A folder of hostile files is judged like any other: whoever ends or stops a process costs no other file its verdict."""

from __future__ import annotations

from pathlib import Path

import hostile
import pytest

from pytest_dynadag.generate import determinism
from pytest_dynadag.generate.determinism import check
from pytest_dynadag.generate.divergences import Determinism
from pytest_dynadag.generate.records import Root

# A module that a file takes away is missing at its second parse, or not: that is Airflow's own use of it. An alarm that
# rings soon is a race with the parse, which a busy machine may lose: this one rings after it.
FILES = {
    **hostile.ENDS,
    "sleeps": hostile.HANGS["sleeps"],
    **{name: text for name, text in hostile.CHANGES.items() if name != "replaces_modules"},
    "rings_later": "import signal\nsignal.setitimer(signal.ITIMER_REAL, 20)\n",
    **hostile.FAILS,
    "kills_whoever_asks": (
        "import os, signal, time\nif time.gmtime().tm_year > 2027:\n    os.kill(os.getppid(), signal.SIGKILL)\n"
        "    time.sleep(600)\n"
    ),
    "shuffled": "from airflow.decorators import task\nwith DAG('s', schedule=None):\n"
    "    task(lambda value: value).expand(value=list({'eu', 'us', 'apac'}))\n",
}
DIFFERENT = {
    "changes_environment": ["DYN101"],
    "kills_whoever_asks": ["DYN103"],
    "shuffled": ["DYN102"],
}
"""What is found; everything else is the same whatever is changed: it fails always, or never."""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Determinism:
    """Check all of the files."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "dags").mkdir()
    hostile.write(folder / "dags", FILES)
    return check(
        [Root(folder / "dags", "a test")],
        folder=folder / "work",
        seeds=2,
        timeout=hostile.SOON,
        memory=hostile.MEMORY,
        import_folders=[folder / "dags"],
    )


def test_every_file_is_judged(found: Determinism) -> None:
    """Only those that differ are found to, each for its reason."""
    rules = {
        Path(file.path).stem: [entry.rule for entry in file.divergences]
        for file in found.files
        if file.divergences or Path(file.path).stem in DIFFERENT
    }

    assert DIFFERENT == rules
    assert 2 * len(FILES) - 1 == len(found.files)  # an empty file is none


def test_a_file_that_is_gone_is_not_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one generation found and the next did not is no divergence, and it is said that it was not checked."""
    monkeypatch.setattr(determinism, "count_cores", lambda: 1)  # one generation after the other
    (tmp_path / "dags").mkdir()
    hostile.write(tmp_path / "dags", {"deletes_itself": hostile.CHANGES["deletes_itself"]})

    judged = check([Root(tmp_path / "dags", "a test")], folder=tmp_path / "work", seeds=2)

    assert judged.ok
    assert f"{tmp_path / 'dags' / 'deletes_itself.py'}: gone since it was loaded" in judged.not_checked


def test_a_file_that_ends_whoever_parses_it_is_explained(found: Determinism) -> None:
    """Under one circumstance, it kills its parent process: the line that asks for the time is named."""
    (file,) = [file for file in found.files if file.path.endswith("kills_whoever_asks.py")]
    (entry,) = file.divergences

    assert f"""\
{file.path}:3: DYN103 the file depends on the clock
  the file loads now and fails at 2031-01-01 00:07:03 UTC: the process that loaded the file was ended by SIGKILL
  at /failure
  {file.path}:3: if time.gmtime().tm_year > 2027:
  next: let the file load under both; what it needs belongs into a task, or into a default""" == str(
        entry.finding
    )


def test_no_process_is_left(found: Determinism) -> None:
    """Neither in the screening nor in the isolation."""
    folder = str(Path(found.files[0].path).parents[1])
    processes = [entry.read_bytes() for entry in Path("/proc").glob("[0-9]*/cmdline") if entry.exists()]

    assert [] == [process for process in processes if folder.encode() in process]
