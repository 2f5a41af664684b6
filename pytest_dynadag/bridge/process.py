"""What user code changes in the process that runs it, and how that is put back."""

# Airflow loads each DAG file, and executes each instance, in a process of its own: whatever the code does to that
# process, nobody after it sees. We use one process for many, so what is changed must be noticed and undone.

from __future__ import annotations

import base64
import builtins
import contextlib
import datetime as dt
import gc
import io
import json
import locale
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import threading
import time
import traceback
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pytest_dynadag.bridge.lines import LIBRARIES

_MODULES: tuple[types.ModuleType, ...] = (
    *(
        base64,
        builtins,
        contextlib,
        dt,
        io,
        json,
        json.decoder,
        json.encoder,
        os,
        os.path,
        pathlib,
        re,
        signal,
    ),
    *(subprocess, threading, time, traceback, types, typing),
)
"""Whose variables are watched: what everybody uses, Airflow and ourselves included."""

_CLASSES: tuple[type, ...] = (json.JSONEncoder, json.JSONDecoder, pathlib.Path, pathlib.PurePath)
_FREE = frozenset(["__warningregistry__", "tzname", "timezone", "altzone", "daylight"])
"""Variables that change by themselves."""

_OF_SYS = ("exit", "stdin", "stdout", "stderr", "excepthook", "displayhook", "modules", "meta_path", "path")
"""Of `sys`, most variables are free to change."""

Values = Mapping[Any, Mapping[str, Any]]
_GONE: Any = object()
# What is called here may be what was changed.
_vars, _set, _delete, _pid, _end = vars, setattr, delattr, os.getpid, os._exit


def note_values() -> Values:
    """Note what the watched modules and classes have: functions, classes, variables."""
    noted: dict[Any, Mapping[str, Any]] = {owner: dict(vars(owner)) for owner in (*_MODULES, *_CLASSES)}
    noted[sys] = {name: getattr(sys, name) for name in _OF_SYS}
    return noted


def restore_values(before: Values) -> tuple[str, ...]:
    """Put back what was changed since `note_values`, and give the names; what was added to builtins goes as well."""
    changed = []
    for owner, values in before.items():
        now = _vars(owner)
        for name, value in values.items():
            if now.get(name, _GONE) is not value and name not in _FREE:
                changed += [f"{owner.__name__}.{name}"]
                _set(owner, name, value)
    known = before[builtins]
    for name in [name for name in _vars(builtins) if name not in known]:
        changed += [f"builtins.{name}"]
        _delete(builtins, name)
    return (*changed,)


class KeptValues:
    """Undoes what is done within it to the modules that everybody uses; *changed* are the names, at the end."""

    # A class, because the machinery of `contextmanager` could be what was changed.

    def __init__(self) -> None:
        self.changed: tuple[str, ...] = ()

    def __enter__(self) -> KeptValues:  # noqa: PYI034 - `Self` needs Python 3.11
        self._pid, self._before = _pid(), note_values()
        return self

    def __exit__(self, *error: object) -> None:
        """Undo; a child that the code has forked, and that has come to the end of the code, ends here."""
        self.changed = restore_values(self._before)
        if _pid() != self._pid:
            _end(0)


@contextlib.contextmanager
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


@contextlib.contextmanager
def kept_surroundings() -> Iterator[None]:
    """Undo what is done to the environment, the working directory, the module search path, and such like."""
    environment, folder, path = dict(os.environ), _folder(), list(sys.path)
    limit, collecting, numbers = sys.getrecursionlimit(), gc.isenabled(), locale.setlocale(locale.LC_ALL)
    try:
        yield
    finally:
        _restore_environment(environment)
        if folder and _folder() != folder:
            with contextlib.suppress(FileNotFoundError):
                os.chdir(folder)
        sys.path[:] = path
        sys.setrecursionlimit(limit)
        (gc.enable if collecting else gc.disable)()
        if locale.setlocale(locale.LC_ALL) != numbers:
            locale.setlocale(locale.LC_ALL, numbers)


@contextlib.contextmanager
def restored_signals() -> Iterator[None]:
    """Put the handlers of signals and the running timer back as they were; a timer that has run out has done its work."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGALRM, signal.SIGHUP, signal.SIGINT, signal.SIGSEGV, signal.SIGTERM)
    handlers = [(number, signal.getsignal(number)) for number in numbers]
    left, interval = signal.getitimer(signal.ITIMER_REAL)
    started = time.clock_gettime(time.CLOCK_MONOTONIC)
    try:
        with _noted_timers() as taken:
            yield
    finally:
        for number, handler in handlers:
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)
        passed = time.clock_gettime(time.CLOCK_MONOTONIC) - started
        if not left:
            signal.setitimer(signal.ITIMER_REAL, 0)  # an alarm that goes off later would hit somebody else
        elif taken or (passed < left and not signal.getitimer(signal.ITIMER_REAL)[0]):
            signal.setitimer(signal.ITIMER_REAL, max(left - passed, 0.001), interval)


@contextlib.contextmanager
def _noted_timers() -> Iterator[list[str]]:
    """Note who sets the timer: what was set before does not go off then."""
    taken: list[str] = []
    before = [(name, getattr(signal, name)) for name in ("alarm", "setitimer")]

    def noting(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def set_timer(*arguments: Any) -> Any:
            taken.append(name)
            return original(*arguments)

        return set_timer

    for name, original in before:
        setattr(signal, name, noting(name, original))
    try:
        yield taken
    finally:
        for name, original in before:
            setattr(signal, name, original)


@contextlib.contextmanager
def limited_memory(more: int) -> Iterator[None]:
    """Let this process use *more* bytes of memory than it does now, then any; 0 is no limit. Beyond: `MemoryError`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if more and soft == resource.RLIM_INFINITY:  # a limit that somebody set stays
        resource.setrlimit(resource.RLIMIT_DATA, (_used_memory() + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _used_memory() -> int:
    """Give what the limit counts: private memory that can be written to (`VmData`), in bytes."""
    try:
        pages = pathlib.Path("/proc/self/statm").read_text(encoding="ascii").split()[5]
    except OSError:
        return 0
    return int(pages) * resource.getpagesize()


def _restore_environment(before: Mapping[str, str]) -> None:
    if dict(os.environ) == before:
        return
    zone = os.environ.get("TZ")
    for name in [name for name in os.environ if name not in before]:
        del os.environ[name]
    os.environ.update(before)
    if zone != before.get("TZ"):
        time.tzset()


def _restore_modules(before: Mapping[str, types.ModuleType], added: list[str]) -> None:
    """Put back modules that were taken out or replaced; forget those that came from the folders *added*."""
    places = tuple(os.path.join(os.path.abspath(folder), "") for folder in added)  # noqa: PTH118, PTH100
    loaded = sys.modules.copy() if places else {}  # in one step: threads of others may import meanwhile
    for name in loaded.keys() - before.keys():
        place = _place_of(loaded[name])
        if place.startswith(places) and not place.startswith(LIBRARIES):
            del sys.modules[name]
    for name, module in before.items():
        if sys.modules.get(name) is not module:
            sys.modules[name] = module


def _place_of(module: Any) -> str:
    place = getattr(module, "__file__", None)
    return place if isinstance(place, str) else ""


def _folder() -> str | None:
    """Give the working directory; None where it is gone."""
    try:
        return os.getcwd()  # noqa: PTH109 - restored as a plain string
    except FileNotFoundError:
        return None


def are_open(*files: int) -> bool:
    """Tell whether files with these numbers are open."""
    try:
        for file in files:
            os.fstat(file)
    except OSError:
        return False
    return True
