"""The process that runs the tests, lent to one instance after the other as if each had one of its own."""

# In Airflow each instance is executed in a process of its own: what it does to that process ends with it, and so does
# whatever it has started. Here it would reach the instances after it, the tests after them, and pytest itself.

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import wraps
from typing import Any

from pytest_dynadag.bridge.process import KeptValues, are_open, kept_surroundings, restored_signals

_HANDLED = (signal.SIGALRM, signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
_STREAMS = (0, 1, 2)
_HARMLESS = frozenset([signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH])


class ProcessEnded(BaseException):
    """
    An instance would have ended its process, and with it the tests; *call* is how.

    No `Exception`: what ends a process is not caught by the task that does it.
    """

    def __init__(self, call: str) -> None:
        self.call = call
        super().__init__(f"{call} would have ended the process that runs the tests")


def _note_interruptions() -> list[BaseException]:
    """
    Note what handlers of Ctrl-C and of the timer raise that is no `Exception`; gives it, complete at the end.

    They are meant to end a test, and Airflow 3 takes whatever is raised in a task for a failure of that task.
    """
    raised: list[BaseException] = []

    def noting(handler: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a handler, which may be anybody's."""

        def handle(*arguments: Any) -> Any:
            """Handle as before, and keep what is raised that is no `Exception`."""
            try:
                return handler(*arguments)
            except Exception:
                raise
            except BaseException as error:
                raised.append(error)
                raise

        return handle

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGALRM):
            handler = signal.getsignal(number)
            if callable(handler):
                signal.signal(number, noting(handler))
    return raised


class LentProcess:
    """
    Lends the process to an instance, again and again, and takes it back as it was.

    Environment, working directory, search path, and the modules that everybody uses are put back; a thread that is
    started does not keep the process at its end; a child that is forked ends with the instance. What would end the
    process raises `ProcessEnded` instead. What interrupts the tests, Ctrl-C or a timeout, is raised again at the end.
    """

    def __init__(self) -> None:
        self._kept: ExitStack
        self._values: KeptValues

    def __enter__(self) -> None:
        self._kept, self._values = ExitStack(), KeptValues()
        for keep in (kept_surroundings, kept_streams, restored_signals):
            self._kept.enter_context(keep())
        self._values.__enter__()
        self._start = threading.Thread.start
        self._interruptions = _note_interruptions()
        self._guarded = _Guarded()
        _guard(self._guarded)
        threading.Thread.start = _start_as_daemon(self._start)  # type: ignore[method-assign]

    def __exit__(self, *error: object) -> None:
        self._values.__exit__(*error)  # what is guarded is among the values
        threading.Thread.start = self._start  # type: ignore[method-assign]
        self._kept.close()
        _end_children(self._guarded.children)
        if self._interruptions:
            raise self._interruptions[0]


def _end_children(children: Iterable[int]) -> None:
    """End what an instance has forked and has not waited for."""
    for child in children:
        with suppress(ChildProcessError):
            if not os.waitpid(child, os.WNOHANG)[0]:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)


class _Guarded:
    """Knows whose process it is, and what reaches it."""

    def __init__(self) -> None:
        self.process, self.thread = os.getpid(), threading.get_ident()
        self.others = {thread.ident for thread in threading.enumerate()} - {self.thread}
        self.children: list[int] = []
        self.handlers = {number: signal.getsignal(number) for number in _HANDLED}

    def is_asked(self) -> bool:
        """Tell whether it is the instance that calls: no child of it, and not whoever watches over the tests."""
        return os.getpid() == self.process and threading.get_ident() not in self.others

    def name_target(self, process: int) -> str | None:
        """Say who is hit by what is sent to *process*, a group as a negative number; None where that is nobody of ours."""
        if process == self.process:
            return "its own process"
        if process in (0, -1, -os.getpgrp()):
            return "its process group"
        return "its parent process" if process == os.getppid() else None

    def is_deadly(self, number: int, target: str) -> bool:
        """Tell whether a signal would end or stop the tests: nobody handles it, or not the instance itself."""
        reaches_others = target != "its own process"  # who have no handler of the instance's
        if number in (signal.SIGKILL, signal.SIGSTOP) or reaches_others:
            return number not in _HARMLESS
        handler = signal.getsignal(number)
        if handler == signal.SIG_DFL:
            return number not in _HARMLESS
        return handler is not signal.SIG_IGN and handler is self.handlers.get(signal.Signals(number))


def _guard(guarded: _Guarded) -> None:
    """Let what ends a process raise; whoever has lent it puts the functions back."""
    os._exit = _refusing(os._exit, "os._exit", guarded)
    os.abort = _refusing(os.abort, "os.abort", guarded)
    for name, make in (("close", _sparing), ("closerange", _sparing_range)):
        setattr(os, name, make(getattr(os, name), guarded))
    os.fork = _noting(os.fork, guarded)
    os.kill = _refusing_signals(os.kill, "os.kill", guarded)
    os.killpg = _refusing_signals(os.killpg, "os.killpg", guarded, group=True)
    raise_signal = signal.raise_signal
    send = _refusing_signals(lambda _, number: raise_signal(number), "signal.raise_signal", guarded)
    signal.raise_signal = lambda number: send(guarded.process, number)


def _sparing(original: Callable[..., None], guarded: _Guarded) -> Callable[..., None]:
    """Let a standard stream lead nowhere, in place of closing it: the next file that is opened would take its place."""

    @wraps(original)
    def close(file: int) -> None:
        """Close any file but a standard stream of the instance's."""
        if file in _STREAMS and guarded.is_asked():
            nowhere = os.open(os.devnull, os.O_RDWR)
            os.dup2(nowhere, file)
            original(nowhere)
        else:
            original(file)

    return close


def _sparing_range(original: Callable[..., None], guarded: _Guarded) -> Callable[..., None]:
    """Close nothing but standard streams: what else is open belongs to the tests."""

    @wraps(original)
    def close_range(low: int, high: int) -> None:
        if not guarded.is_asked():
            original(low, high)
        for file in _STREAMS:
            if low <= file < high and guarded.is_asked():
                os.close(file)

    return close_range


def _refusing(original: Any, name: str, guarded: _Guarded) -> Any:
    @wraps(original)
    def end(*arguments: Any) -> Any:
        if guarded.is_asked():
            raise ProcessEnded(f"{name}({', '.join(map(repr, arguments))})")
        return original(*arguments)

    return end


def _noting(original: Callable[[], int], guarded: _Guarded) -> Callable[[], int]:
    @wraps(original)
    def fork() -> int:
        if child := original():
            guarded.children.append(child)
        return child

    return fork


def _refusing_signals(original: Any, name: str, guarded: _Guarded, *, group: bool = False) -> Any:
    @wraps(original)
    def send(process: int, number: int) -> Any:
        whom = -(process or os.getpgrp()) if group else process
        target = guarded.name_target(whom) if number and guarded.is_asked() else None
        if target and guarded.is_deadly(number, target):
            raise ProcessEnded(f"{name} of {signal.Signals(number).name} to {target}")
        return original(process, number)

    return send


def _start_as_daemon(original: Any) -> Any:
    """Let no thread keep the process at its end: an instance's own process does not wait for its threads either."""

    @wraps(original)
    def start(thread: threading.Thread) -> Any:
        if not thread.daemon and thread.ident is None:
            thread.daemon = True
        return original(thread)

    return start


def end_forked(original: Callable[..., Any], watcher: object = None) -> Callable[..., Any]:
    """End a child that an instance has forked where the instance's own work ends: Airflow's is not the child's."""

    @wraps(original)
    def execute(*arguments: Any, **options: Any) -> Any:
        """Execute; a forked child goes no further than this."""
        process = os.getpid()
        code = 1
        try:
            result = original(*arguments, **options)
            code = 0
        finally:
            if os.getpid() != process:
                os._exit(code)
        return result

    return execute


@contextmanager
def kept_streams() -> Iterator[None]:
    """Open standard input, output and error again, as the same files, where they have been closed or replaced."""
    copies = [(number, os.dup(number)) for number in _STREAMS if are_open(number)]
    try:
        yield
    finally:
        for number, copy in copies:
            # Where all there was has been closed, there is nothing to open again.
            with suppress(OSError):
                if not are_open(number) or not os.path.sameopenfile(number, copy):
                    os.dup2(copy, number)
                os.close(copy)


@contextmanager
def forgotten_pools() -> Iterator[None]:
    """Let no pool of threads or processes that is left running keep Python from ending: it would wait for its work."""
    known = set(threading.enumerate())
    try:
        yield
    finally:
        left = [thread for thread in threading.enumerate() if thread not in known]
        for name, kept in (("thread", "_threads_queues"), ("process", "_threads_wakeups")):
            pools = getattr(sys.modules.get(f"concurrent.futures.{name}"), kept, {})
            for thread in left:
                pools.pop(thread, None)
