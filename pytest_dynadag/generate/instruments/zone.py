"""The time zone of the process, and who converts with it."""

from __future__ import annotations

import datetime as dt
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pytest_dynadag.generate.circumstances import ZONES, Variation
from pytest_dynadag.generate.instruments.asking import Asking
from pytest_dynadag.generate.instruments.patches import Patches

NAME = "time_zone"


def choose_zone(number: int) -> str:
    """Give the name of the time zone number *number*, from 1."""
    return ZONES[(number - 1) % len(ZONES)]


def is_available() -> bool:
    """Tell whether the system knows the time zones by name."""
    with changed(choose_zone(1)):
        return time.localtime(0).tm_gmtoff == 19_800  # Kathmandu was at +05:30 in 1970


@contextmanager
def changed(zone: str) -> Iterator[None]:
    """Let the process live in another time zone for a while."""
    before = os.environ.get("TZ")
    _move(zone)
    try:
        yield
    finally:
        _move(before)


def apply(asking: Asking, variation: Variation, patches: Patches) -> None:
    """Note who converts with the process's time zone, and let the one who is to get it convert in another."""
    zone = choose_zone(max(variation.number(NAME), 1))
    methods = ((dt.datetime, "timestamp"), (dt.datetime, "astimezone"))
    for owner, name in methods:
        patches.set_builtin(owner, name, _wrap_method(vars(owner)[name], asking, zone))
    for kind in (dt.datetime, dt.date):
        patches.set_builtin(kind, "fromtimestamp", classmethod(_wrap_conversion(kind, asking, zone)))
    for name in ("localtime", "mktime"):
        patches.set(time, name, _wrap(getattr(time, name), asking, zone))


def _wrap(original: Callable[..., Any], asking: Asking, zone: str) -> Callable[..., Any]:
    def convert(*arguments: Any) -> Any:
        with _maybe(asking, zone):
            return original(*arguments)

    return convert


def _wrap_method(original: Callable[..., Any], asking: Asking, zone: str) -> Callable[..., Any]:
    def convert(self: dt.datetime, *arguments: Any, **options: Any) -> Any:
        if self.tzinfo is not None and (arguments or options or original.__name__ == "timestamp"):
            return original(self, *arguments, **options)
        with _maybe(asking, zone):
            return original(self, *arguments, **options)

    return convert


def _wrap_conversion(owner: type[dt.date], asking: Asking, zone: str) -> Callable[..., Any]:
    original = vars(owner)["fromtimestamp"]

    def convert(cls: type[dt.date], *arguments: Any, **options: Any) -> Any:
        make = original.__get__(None, cls)
        if options.get("tz") is not None or (len(arguments) > 1 and arguments[1] is not None):
            return make(*arguments, **options)
        with _maybe(asking, zone):
            return make(*arguments, **options)

    return convert


@contextmanager
def _maybe(asking: Asking, zone: str) -> Iterator[None]:
    """Convert in another zone for the one who is to get it; for everybody, the process lives there already."""
    if asking.is_changed(NAME) and asking.only:
        with changed(zone):
            yield
    else:
        yield


def _move(zone: str | None) -> None:
    if zone is None:
        os.environ.pop("TZ", None)
    else:
        os.environ["TZ"] = zone
    time.tzset()
    if pendulum := sys.modules.get("pendulum.tz.local_timezone"):
        pendulum._local_timezone = None  # type: ignore[attr-defined]  # noqa: SLF001 - found out once, kept
