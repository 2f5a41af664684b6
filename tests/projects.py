"""Sessions of pytest in any folder: those that several tests look at, which pytester, made for one test, cannot start."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import lean
import pytest


def write_into(folder: Path, files: Mapping[str, str]) -> None:
    """Write *files*, name to text, into a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def run_in(folder: Path, *arguments: str, addopts: str = lean.ADDOPTS) -> pytest.RunResult:
    """Run pytest in a process of its own and in *folder*, with nothing of the session that runs the tests."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("AIRFLOW", "PYTEST", "GITHUB"))}
    own = {"HOME": str(folder), "PYTHONPATH": str(folder), "COLUMNS": "200", "PY_COLORS": "0"}
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", f"--basetemp={folder / 'runpytest-0'}", *arguments],
        cwd=folder,
        env={**kept, **own, "PYTEST_ADDOPTS": addopts},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=200,
        check=False,
    )
    print(done.stdout, done.stderr, sep="\n")  # shown where a test fails
    printed = done.stdout.splitlines(), done.stderr.splitlines()
    return pytest.RunResult(done.returncode, *printed, time.perf_counter() - begun)
