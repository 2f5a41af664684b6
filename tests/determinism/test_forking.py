"""Work in a child that may die or hang."""

from __future__ import annotations

import os
import signal
import time

import pytest

from pytest_dynadag.generate.forking import ChildEndedError, ask_child


def test_the_child_answers() -> None:
    """Its result comes back as JSON data, however long it is."""
    assert ["x" * 300_000] == ask_child(lambda: ["x" * 300_000], 10.0)


def test_a_child_that_hangs_is_stopped() -> None:
    """It is ended, and it is said after how long."""
    with pytest.raises(ChildEndedError, match=r"^was stopped after 0\.2 s$"):
        ask_child(lambda: time.sleep(60), 0.2)


def test_a_child_that_exits() -> None:
    """Its exit code is told."""
    with pytest.raises(ChildEndedError, match=r"^ended with exit code 3$"):
        ask_child(lambda: os._exit(3), 10.0)


def test_a_child_that_kills_its_parent() -> None:
    """Whoever asked goes on."""

    def kill() -> None:
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)

    with pytest.raises(ChildEndedError, match=r"^was ended by SIGKILL$"):
        ask_child(kill, 10.0)


def test_a_child_that_forks() -> None:
    """What it forks is ended, and holds up nothing."""

    def fork() -> int:
        if child := os.fork():
            return child
        time.sleep(60)
        return 0

    child = ask_child(fork, 10.0)

    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_a_child_that_is_killed() -> None:
    """The signal is told by its name."""
    with pytest.raises(ChildEndedError, match=r"^was ended by SIGKILL$"):
        ask_child(lambda: os.kill(os.getpid(), signal.SIGKILL), 10.0)
