"""Child processes that load what users wrote: forked, waited for, and ended with all that they have started."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_GLANCE = 0.001  # seconds between two looks at children that are being killed


def end_with_parent(number: int = signal.SIGKILL) -> None:
    """Let the kernel send this process a signal when the one that started it ends, where the kernel can (Linux)."""
    _prctl(_PR_SET_PDEATHSIG, number)


def adopt_orphans() -> None:
    """Become the parent of whatever this process's children leave behind, where the kernel can (Linux)."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def fork(work: Callable[[], None]) -> int:
    """Do *work* in a child with a session of its own, which ends with this process; give its process id."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that threads do not survive a fork
        child = os.fork()
    if child:
        return child
    code = 70
    with suppress(BaseException):
        code = _work(work)
    os._exit(code)


def _work(work: Callable[[], None]) -> int:
    """Work as a process that nothing of the parent's reaches; give the exit code."""
    end_with_parent()
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what was started in the background ignores it
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.close(nowhere)
    code = 0
    try:
        work()
    except KeyboardInterrupt:
        traceback.print_exc()
        sys.stderr.flush()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:
        traceback.print_exc()
        code = 70
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    return code


def wait_for(child: int) -> int:
    """Wait for the end of a child, end whatever it has left running, and give its exit code (negative: a signal)."""
    while True:
        done, status = os.waitpid(-1, 0)
        if done == child:
            end_children()
            return os.waitstatus_to_exitcode(status)


def wait_at_most(child: int, seconds: float) -> int | None:
    """Give the exit code of a child; None if it does not end in time."""
    until = time.clock_gettime(time.CLOCK_MONOTONIC) + seconds
    with _watched(child) as watch:
        while True:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            left = until - time.clock_gettime(time.CLOCK_MONOTONIC)
            if left <= 0:
                return None
            watch(left)


@contextmanager
def _watched(child: int) -> Iterator[Callable[[float], Any]]:
    """Give what waits for the end of a child, or for some seconds: for a millisecond, where there is nothing better."""
    try:
        handle = os.pidfd_open(child)
    except (AttributeError, OSError):
        yield lambda left: time.sleep(_GLANCE)
        return
    try:
        yield lambda left: select.select([handle], [], [], left)
    finally:
        os.close(handle)


def has_children() -> bool:
    """Tell whether this process has children, dead ones that nobody waited for included."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def end_children() -> None:
    """Kill this process's children, and those that it inherits from them, until there are none."""
    while has_children() and (children := list(_list_children())):
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        time.sleep(_GLANCE)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def end_with_children(number: int, frame: Any) -> None:
    """Handle a signal: end by it, after all that this process and its children have started."""
    end_children()
    end_as(-number)


def end_as(code: int) -> None:
    """End this process with an exit code (negative: by a signal), whatever it has open."""
    if code < 0:
        with suppress(OSError):  # SIGKILL has no handler
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def _list_children() -> Iterator[int]:
    """Give the processes whose parent this one is, where there is a list of processes (Linux)."""
    own = str(os.getpid())
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # The name of the program, in brackets, may hold anything.
            fields = entry.read_text(errors="replace").rpartition(")")[2].split()
            if fields[1] == own:
                yield int(entry.parent.name)
