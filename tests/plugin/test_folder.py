"""The private folder of a session: whose it is, and what becomes of one that nobody removed."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_dynadag.plugin.folder import FORGOTTEN, choose_folder, make_folder


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let private folders lie in the folder of the test."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def leave(folder: Path, seconds: float) -> None:
    """Make a folder as a process does that is killed then, and that was *seconds* ago."""
    program = (
        "import os, pathlib, signal, sys\nfrom pytest_dynadag.plugin.folder import make_folder\n"
        "lock = make_folder(pathlib.Path(sys.argv[1]))\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(folder)], check=False)
    then = folder.stat().st_mtime - seconds
    os.utime(folder, (then, then))


def test_the_folder_is_for_its_owner_only(place: Path) -> None:
    """Nobody else reads what DAG files gave."""
    folder = choose_folder()
    make_folder(folder)

    assert [0o700, place] == [stat.S_IMODE(folder.stat().st_mode), folder.parent]


def test_the_folder_of_a_killed_session_is_removed_by_a_later_one(place: Path) -> None:
    """It is old, and the process that held it is gone."""
    leave(place / "dynadag-killed", FORGOTTEN + 1)

    make_folder(choose_folder())

    assert not (place / "dynadag-killed").exists()


def test_other_folders_stay(place: Path) -> None:
    """One that is held, however old; one that is young; one with another name; one that no session ever held."""
    held, young, others = place / "dynadag-held", place / "dynadag-young", place / "others-dynadag"
    notes = place / "dynadag-notes"
    lock = make_folder(held)
    leave(young, 0)
    for folder in (others, notes):
        folder.mkdir()
    for folder in (held, others, notes):
        os.utime(folder, (0, 0))

    make_folder(choose_folder())

    assert lock.is_locked
    assert [] == [folder.name for folder in (held, young, others, notes) if not folder.exists()]


def test_several_processes_hold_one_folder(place: Path) -> None:
    """It stays as long as one of a session's processes lives."""
    leave(place / "dynadag-shared", 0)
    lock = make_folder(place / "dynadag-shared")
    os.utime(place / "dynadag-shared", (0, 0))

    make_folder(choose_folder())

    assert [True, True] == [lock.is_locked, (place / "dynadag-shared").exists()]
