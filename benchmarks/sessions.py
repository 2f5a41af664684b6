"""Sessions of pytest as users start them: timed, and without what the machine's environment would change."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Session:
    """
    A session that has ended.

    Attributes:
        seconds: From the start of the process to its end.
        passed: How many tests passed.
        others: How many did anything else.
        printed: What pytest printed.
    """

    seconds: float
    passed: int
    others: int
    printed: str

    def must_pass(self, tests: int) -> None:
        """Give up unless so many tests have passed, and no other was there: what was measured would be something else."""
        if (self.passed, self.others) != (tests, 0):
            raise SystemExit(f"not {tests} passed:\n{self.printed[-3000:]}")


def start(
    folder: Path, *arguments: str, python: Path | str = sys.executable, env: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """
    Start pytest in *folder*; what it prints can be read.

    Without hypothesis' plugin: it is here for our own tests, and takes time at the end of each session.
    """
    without = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")
    command = [str(python), "-m", "pytest", "-q", *without, *arguments]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTEST"))}
    return subprocess.Popen(
        command,
        cwd=folder,
        env={**kept, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def attend(process: subprocess.Popen[str], begun: float) -> Session:
    """Wait for the end of a session, and read its last line."""
    printed, _ = process.communicate()
    seconds = time.perf_counter() - begun
    last = printed.rstrip().rpartition("\n")[2]
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|error)", last)}
    return Session(seconds, counts.get("passed", 0), sum(counts.values()) - counts.get("passed", 0), printed)


def run(
    folder: Path,
    *arguments: str,
    python: Path | str = sys.executable,
    env: Mapping[str, str] | None = None,
    passing: int | None = None,
) -> Session:
    """
    Run pytest in *folder*.

    Args:
        folder: The root of the project.
        arguments: What is typed behind `pytest -q`.
        python: Whose pytest.
        env: Variables besides those of the machine.
        passing: How many tests have to pass; None where it is to be seen whether they do.
    """
    begun = time.perf_counter()
    session = attend(start(folder, *arguments, python=python, env=env), begun)
    if passing is not None:
        session.must_pass(passing)
    return session
