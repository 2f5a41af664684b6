"""Doing something in a child process that starts with everything this one has loaded, and may die or hang."""

from __future__ import annotations

import faulthandler
import json
import os
import select
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from typing import Any

from pytest_dynadag.generate.failures import name_signal

_CHUNK = 1 << 16
_GRACE = 0.5  # seconds that a child gets to end once it has answered


class ChildEndedError(Exception):
    """The child gave no answer: *how* it ended, in words."""

    def __init__(self, how: str) -> None:
        self.how = how
        super().__init__(how)


def ask_child(work: Callable[[], Any], timeout: float) -> Any:
    """
    Do *work* in a forked child and give its result, which must be JSON data.

    Raises:
        ChildEndedError: It died, or was stopped after *timeout* seconds.
    """
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that threads do not survive a fork
        child = os.fork()
    if child == 0:
        _work(work, writing)
    os.close(writing)
    try:
        answer = _read(reading, timeout)
    finally:
        os.close(reading)
        code = _end(child)
    if answer:
        return json.loads(answer)
    raise ChildEndedError(f"was stopped after {timeout:g} s" if answer is None else describe_end(code))


def describe_end(code: int) -> str:
    """Say how a process ended."""
    return f"was ended by {name_signal(-code)}" if code < 0 else f"ended with exit code {code}"


def _end(child: int) -> int:
    """Give the exit code of a child that has closed its end of the pipe, or stop it."""
    until = time.clock_gettime(time.CLOCK_MONOTONIC) + _GRACE
    while time.clock_gettime(time.CLOCK_MONOTONIC) < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _work(work: Callable[[], Any], writing: int) -> None:
    """Work, answer and end; nothing that this process shares with its parent is run at its end."""
    try:
        faulthandler.enable(sys.__stderr__ or sys.stderr, all_threads=False)
        answer = json.dumps(work()).encode()
        while answer:
            answer = answer[os.write(writing, answer) :]
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(70)
    sys.stdout.flush()
    os._exit(0)


def _read(reading: int, timeout: float) -> bytes | None:
    """Read until the end; None if it does not come in time."""
    until = time.clock_gettime(time.CLOCK_MONOTONIC) + timeout
    parts: list[bytes] = []
    while (left := until - time.clock_gettime(time.CLOCK_MONOTONIC)) > 0:
        if select.select([reading], [], [], left)[0]:
            part = os.read(reading, _CHUNK)
            if not part:
                return b"".join(parts)
            parts.append(part)
    return None
