"""Putting the process that runs the tests back as it was: after each task instance, and after each DAG file."""

# Airflow loads each DAG file, and executes each task instance, in a process of its own: what the code does to that
# process ends with it. Here one process serves them all. What a run begins with is noted once, and compared after each
# instance at the speed of C: most instances change nothing.

from __future__ import annotations

import base64
import builtins
import contextlib
import datetime as dt
import gc
import importlib
import io
import json
import locale
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import threading
import time
import traceback
import types
import typing
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import wraps
from typing import Any

from pytest_dynadag.bridge.lines import LIBRARIES
from pytest_dynadag.bridge.patching import replaced

_SHARED: tuple[Any, ...] = (
    *(
        builtins,
        sys,
        os,
        os.path,
        base64,
        contextlib,
        dt,
        io,
        json,
        json.decoder,
        json.encoder,
        pathlib,
        random,
        re,
    ),
    *(signal, subprocess, threading, time, traceback, types, typing),
    *(json.JSONDecoder, json.JSONEncoder, pathlib.Path, pathlib.PurePath, threading.Thread),
)
"""Modules and classes that everything uses, Airflow and this package included; first the builtins, which restoring uses."""

_FREE = frozenset(["__warningregistry__", "tzname", "timezone", "altzone", "daylight"])
"""Variables that change by themselves."""

_OF_SYS = ("exit", "stdin", "stdout", "stderr", "excepthook", "displayhook", "modules", "meta_path", "path")
"""Of `sys`, most variables are free to change."""

_STREAMS = (0, 1, 2)
_HANDLED = (signal.SIGALRM, signal.SIGHUP, signal.SIGINT, signal.SIGSEGV, signal.SIGTERM)
_INTERRUPTING = (signal.SIGINT, signal.SIGALRM)
_HARMLESS = frozenset([0, signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH])
_TOLERANCE = 0.05
"""Seconds by which a timer that was left alone may differ from what it should show."""

_GONE: Any = object()
# What is called here may be what was changed.
_set, _delete = setattr, delattr
# The function in C: around it, `signal` looks for members of an enumeration, which takes ten times as long.
_handler_of: Callable[[int], Any] = importlib.import_module("_signal").getsignal


class ProcessEnded(BaseException):
    """
    A task, or a DAG file, would have ended its process, and with it the tests; *call* is how.

    No `Exception`: what ends a process is not caught by the code that does it.
    """

    def __init__(self, call: str) -> None:
        self.call = call
        super().__init__(f"{call} would have ended the process that runs the tests")


class TaskProcess:
    """
    The process that runs the tests, as a process of each instance's own.

    Made once for a run, entered for each instance, closed after the last. What an instance changes in the process is
    undone, and what it raises ends with it. What would end the process raises `ProcessEnded` in it. What interrupts
    the tests, Ctrl-C or a timeout, is raised again at the end of the instance, whatever has become of it there.
    """

    def __init__(self) -> None:
        self._outer, self._inner = ExitStack(), ExitStack()
        self._noted = self._entered = False

    def __enter__(self) -> None:
        if not self._noted:
            self._note()
        self._entered = True

    def _note(self) -> None:
        self._signals = self._outer.enter_context(Signals())
        self._ends = RefusedEnds()
        with held_interrupts():
            self._surroundings = Surroundings()
            self._streams = self._inner.enter_context(Streams())
            self._inner.enter_context(self._ends)
            self._values = SharedValues()  # what refuses to end is among them
            self._noted = True

    def __exit__(self, *error: object) -> bool:
        self._restore()
        self._signals.restore()
        return True

    def _restore(self) -> None:
        self._values.restore()
        self._surroundings.restore()
        self._streams.restore()
        self._ends.end_children()
        self._entered = False

    def close(self) -> None:
        """Put back also what was installed for the instances; to do it again is harmless."""
        with self._outer, held_interrupts(), self._inner:
            if self._entered:  # an interrupt has left the last instance's changes half undone
                self._restore()
        self._noted = False


class SharedValues:
    """
    What the modules that everything uses have: functions, classes, variables.

    What was replaced is put back. What was added stays, except for builtins.
    """

    def __init__(self) -> None:
        self._process = os.getpid()
        self._owners = [_Owner(each) for each in _SHARED]
        _IN_USE.add(self)

    def restore(self) -> tuple[str, ...]:
        """Put back what was replaced, and return the names; a child that the code has forked ends here."""
        changed: list[str] = []
        for owner in self._owners:
            # Lists of the same objects are equal at once, and nothing is called that may have been replaced.
            if [*owner.now.values()] != owner.values:
                changed += owner.restore()
        if os.getpid() != self._process:
            os._exit(0)
        return tuple(changed)

    def adopt(self, before: list[dict[str, Any]]) -> None:
        """Count what has been changed since *before* as what was there from the beginning."""
        for owner, values in zip(self._owners, before, strict=True):
            owner.before.update({k: v for k, v in owner.now.items() if values.get(k, _GONE) is not v})
            owner.values = [*owner.before.values()]


_IN_USE: weakref.WeakSet[SharedValues] = weakref.WeakSet()


class _Owner:
    def __init__(self, owner: Any) -> None:
        self.owner, self.now = owner, vars(owner)
        self.note()

    def note(self) -> None:
        self.before, self.values = dict(self.now), [*self.now.values()]

    def restore(self) -> list[str]:
        """Put back what was replaced, remove what was added to the builtins, and return the names."""
        names = _OF_SYS if self.owner is sys else self.before
        changed = [n for n in names if self.now.get(n, _GONE) is not self.before[n] and n not in _FREE]
        added = [n for n in self.now if n not in self.before] if self.owner is builtins else []
        for name in changed:
            _set(self.owner, name, self.before[name])
        for name in added:
            _delete(self.owner, name)
        self.note()
        return [f"{self.owner.__name__}.{name}" for name in (*changed, *added)]


@contextmanager
def adopted() -> Iterator[None]:
    """Let what is changed within stay, where an instance's changes are undone: a clock may jump while one runs."""
    before = [dict(vars(owner)) for owner in _SHARED]
    try:
        yield
    finally:
        for values in _IN_USE:
            values.adopt(before)


class Surroundings:
    """The environment, the working directory, the module search path, and such like."""

    def __init__(self) -> None:
        self._variables: dict[bytes, bytes] = vars(os.environ)[
            "_data"
        ]  # what `os.environ` decodes at each access
        self._before = dict(self._variables)
        self._folder, self._path = _folder(), list(sys.path)
        self._limit, self._collecting = sys.getrecursionlimit(), gc.isenabled()
        self._locale = locale.setlocale(locale.LC_ALL)

    def restore(self) -> None:
        """Put back what was changed."""
        if self._variables != self._before:
            self._restore_environment()
        if self._folder and _folder() != self._folder:
            with suppress(FileNotFoundError):
                os.chdir(self._folder)
        if sys.path != self._path:
            sys.path[:] = self._path
        if sys.getrecursionlimit() != self._limit:
            sys.setrecursionlimit(self._limit)
        if gc.isenabled() != self._collecting:
            (gc.enable if self._collecting else gc.disable)()
        if locale.setlocale(locale.LC_ALL) != self._locale:
            locale.setlocale(locale.LC_ALL, self._locale)

    def _restore_environment(self) -> None:
        now, before = self._variables, self._before
        zone = now.get(b"TZ")
        for name in now.keys() - before.keys():
            os.unsetenv(name)
            del now[name]
        for name, value in before.items():
            if now.get(name) != value:
                os.putenv(name, value)
                now[name] = value
        if zone != before.get(b"TZ"):
            time.tzset()


@contextmanager
def kept_surroundings() -> Iterator[None]:
    """Undo what is done to the environment, the working directory, the module search path, and such like."""
    noted = Surroundings()
    try:
        yield
    finally:
        noted.restore()


def _folder() -> str | None:
    """Return the working directory; None where it is gone."""
    try:
        return os.getcwd()  # noqa: PTH109 - restored as a plain string
    except FileNotFoundError:
        return None


class Streams:
    """Standard input, output and error: opened again, as the same files, where they have been closed or replaced."""

    def __enter__(self) -> Streams:  # noqa: PYI034 - `Self` needs Python 3.11
        self._copies = [
            (number, os.dup(number), _identify(number)) for number in _STREAMS if are_open(number)
        ]
        return self

    def restore(self) -> None:
        """Open again what is closed; where the copies were closed as well, there is nothing to open."""
        for number, copy, file in self._copies:
            if _identify(number) != file and _identify(copy) == file:
                os.dup2(copy, number)

    def __exit__(self, *error: object) -> None:
        self.restore()
        for _, copy, file in self._copies:
            if _identify(copy) == file:
                os.close(copy)


def _identify(number: int) -> tuple[int, int] | None:
    try:
        found = os.fstat(number)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def are_open(*files: int) -> bool:
    """Return whether files with these numbers are open."""
    return None not in map(_identify, files)


@contextmanager
def kept_modules() -> Iterator[None]:
    """
    Undo what is done to the loaded modules.

    Modules that came from a folder which was put on `sys.path` are forgotten: another file that does the same with
    its own folder means its own `helpers.py`.
    """
    path, modules = list(sys.path), dict(sys.modules)
    try:
        yield
    finally:
        _restore_modules(modules, [entry for entry in sys.path if entry not in path])
        sys.path[:] = path


def _restore_modules(before: Mapping[str, types.ModuleType], added: list[str]) -> None:
    """Put back modules that were taken out or replaced; forget those that came from the folders *added*."""
    places = tuple(os.path.join(os.path.abspath(folder), "") for folder in added)  # noqa: PTH118, PTH100
    loaded = sys.modules.copy() if places else {}  # in one step: other threads may import meanwhile
    for name in loaded.keys() - before.keys():
        place = getattr(loaded[name], "__file__", None)
        if isinstance(place, str) and place.startswith(places) and not place.startswith(LIBRARIES):
            del sys.modules[name]
    for name, module in before.items():
        if sys.modules.get(name) is not module:
            sys.modules[name] = module


class Signals:
    """
    The handlers of signals and the running timer, which only the main thread can set.

    What handlers of Ctrl-C and of the timer raise is noted, unless it is an `Exception`, and raised again: it is meant
    to end a test, and Airflow takes whatever is raised in a task for a failure of that task.
    """

    def __init__(self) -> None:
        self._handlers: list[tuple[signal.Signals, Any]] = []
        self._stack = ExitStack()
        self._raised: list[BaseException] = []
        self._rang = False

    def __enter__(self) -> Signals:  # noqa: PYI034 - `Self` needs Python 3.11
        for number, handler in _interrupting_handlers():
            self._stack.enter_context(_handled(number, self._noting(handler)))
        if threading.current_thread() is threading.main_thread():
            self._handlers = [(number, _handler_of(number)) for number in _HANDLED]
            self._left, self._interval = signal.getitimer(signal.ITIMER_REAL)
            self._started = _now()
        return self

    def _noting(self, handler: Callable[..., Any]) -> Callable[..., Any]:
        def handle(number: int, frame: Any) -> Any:
            """Handle as before, and note what is raised."""
            self._rang |= number == signal.SIGALRM
            try:
                return handler(number, frame)
            except Exception:
                raise
            except BaseException as error:
                self._raised.append(error)
                raise

        return handle

    def restore(self) -> None:
        """Put the handlers and the timer back; raise what was noted."""
        for number, handler in self._handlers:
            if handler is not None and _handler_of(number) is not handler:
                signal.signal(number, handler)
        if self._handlers:
            self._restore_timer()
        if self._raised:
            raise self._raised.pop(0)

    def _restore_timer(self) -> None:
        left = signal.getitimer(signal.ITIMER_REAL)[0]
        if not self._left or (self._rang and not self._interval):
            if left:
                signal.setitimer(
                    signal.ITIMER_REAL, 0
                )  # an alarm that goes off later would hit something else
            return
        due = self._left - (_now() - self._started)
        if due < 0 and self._interval:
            due %= self._interval
        if not left or abs(left - due) > _TOLERANCE:
            signal.setitimer(signal.ITIMER_REAL, max(due, 0.001), self._interval)

    def __exit__(self, *error: object) -> None:
        with self._stack:
            self.restore()


@contextmanager
def held_interrupts() -> Iterator[None]:
    """Delay what handlers of Ctrl-C and of the timer do until the end: what is half done could not be undone."""
    handlers = dict(_interrupting_handlers())
    arrived: list[tuple[Any, Any]] = []
    try:
        with ExitStack() as stack:
            for number in handlers:
                stack.enter_context(_handled(number, lambda *arguments: arrived.append(arguments)))
            yield
    finally:
        for number, frame in arrived:
            handlers[number](number, frame)


def _interrupting_handlers() -> Iterator[tuple[signal.Signals, Callable[..., Any]]]:
    if threading.current_thread() is threading.main_thread():
        for number in _INTERRUPTING:
            if callable(handler := _handler_of(number)):
                yield number, handler


@contextmanager
def _handled(number: signal.Signals, handler: Callable[..., Any]) -> Iterator[None]:
    before = _handler_of(number)
    try:
        signal.signal(number, handler)
        yield
    finally:
        signal.signal(number, before)


def _now() -> float:
    return time.clock_gettime(time.CLOCK_MONOTONIC)  # which freezegun leaves alone


class RefusedEnds:
    """
    Raises `ProcessEnded` where code would end the process, and lets it leave nothing that keeps the process.

    A thread that is started does not keep the process at its end; a child that is forked is ended.

    Attributes:
        children: Those that were forked.
    """

    def __init__(self) -> None:
        self.process = os.getpid()
        self.children: list[int] = []
        self.others = {*threading.enumerate()} - {threading.current_thread()}
        self.handlers = {int(number): _handler_of(number) for number in signal.valid_signals()}
        self._stack = ExitStack()

    def __enter__(self) -> RefusedEnds:  # noqa: PYI034 - `Self` needs Python 3.11
        for owner, name, new in (
            (os, "_exit", self.refuse(os._exit, "os._exit")),
            (os, "abort", self.refuse(os.abort, "os.abort")),
            (os, "kill", self.refuse(os.kill, "os.kill", self.would_end)),
            (os, "fork", self.note(os.fork)),
            (threading.Thread, "start", _starting_as_daemon(threading.Thread.start)),
        ):
            self._stack.enter_context(replaced(owner, name, new))
        return self

    def __exit__(self, *error: object) -> None:
        with self._stack:
            self.end_children()

    def end_children(self) -> None:
        """End what was forked and not waited for."""
        while self.children:
            child = self.children.pop()
            with suppress(ChildProcessError):
                if not os.waitpid(child, os.WNOHANG)[0]:
                    os.kill(child, signal.SIGKILL)
                    os.waitpid(child, 0)

    def refuse(
        self, original: Any, name: str, would_end: Callable[..., bool] = lambda *_: True
    ) -> Callable[..., Any]:
        """Raise in place of *original* where it would end the tests: not in a child, nor in a thread that watches over them."""

        @wraps(original)
        def end(*arguments: Any) -> Any:
            ours = os.getpid() == self.process and threading.current_thread() not in self.others
            if ours and would_end(*arguments):
                shown = (str(getattr(each, "name", each)) for each in arguments)
                raise ProcessEnded(f"{name}({', '.join(shown)})")
            return original(*arguments)

        return end

    def would_end(self, process: int, number: int) -> bool:
        """Return whether a signal reaches the tests, or what has started them, where the code itself does not handle it."""
        if number in _HARMLESS or process not in (self.process, os.getppid(), 0, -1, -os.getpgrp()):
            return False
        if process != self.process or number in (signal.SIGKILL, signal.SIGSTOP):
            return True
        handler = _handler_of(number)
        return handler == signal.SIG_DFL or (
            handler != signal.SIG_IGN and handler is self.handlers.get(number)
        )

    def note(self, original: Callable[[], int]) -> Callable[[], int]:
        """Note the children that *original*, `os.fork`, makes."""

        @wraps(original)
        def fork() -> int:
            if child := original():
                self.children.append(child)
            return child

        return fork


def _starting_as_daemon(original: Any) -> Any:
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


def contain_end(original: Callable[..., Any], watcher: object = None) -> Callable[..., Any]:
    """Let callbacks that would end their process end alone: Airflow notes the state of the instance, whatever they do."""

    @wraps(original)
    def call(*arguments: Any, **options: Any) -> Any:
        """Call; what ends a process ends only this."""
        with suppress(SystemExit, ProcessEnded):
            return original(*arguments, **options)

    return call


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
