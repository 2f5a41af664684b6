"""Doing something in a child process that starts with everything this one has loaded, and may die or hang."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytest_dynadag.generate.children import adopt_orphans, end_as, fork, wait_at_most, wait_for
from pytest_dynadag.generate.failures import name_signal
from pytest_dynadag.generate.sealing import Seal


class ChildEndedError(Exception):
    """The child gave no answer: *how* it ended, in words."""

    def __init__(self, how: str) -> None:
        self.how = how
        super().__init__(how)


def ask_child(work: Callable[[], Any], timeout: float, *, folder: Path | None = None) -> Any:
    """
    Do *work* in a forked child and give its result, which must be JSON data.

    The answer stands, sealed, in a file for a moment, in *folder*: what the child itself starts, or closes, could hold
    or break a pipe.

    Raises:
        ChildEndedError: It died, or was stopped after *timeout* seconds.
    """
    file, name = tempfile.mkstemp(dir=folder)
    os.close(file)
    answer, seal = Path(name), Seal()
    try:
        child = fork(lambda: _stand_between(lambda: _answer(work, answer, seal)))
        code = wait_at_most(child, timeout)
        if code is None:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise ChildEndedError(f"was stopped after {timeout:g} s")
        if code or not (text := answer.read_bytes()):
            raise ChildEndedError(describe_end(code))
        return seal.open(text)
    finally:
        answer.unlink()


def describe_end(code: int) -> str:
    """Say how a process ended."""
    return f"was ended by {name_signal(-code)}" if code < 0 else f"ended with exit code {code}"


def _stand_between(work: Callable[[], None]) -> None:
    """Do *work* in a child and end as it does: what a DAG file does to its parent process reaches this one."""
    adopt_orphans()
    end_as(wait_for(fork(work)))


def _answer(work: Callable[[], Any], answer: Path, seal: Seal) -> None:
    faulthandler.enable(sys.__stderr__ or sys.stderr, all_threads=False)
    answer.write_bytes(seal.close(work()))
