"""The clock of a parse: it stands still, at the neutral instant or at another one, and says who looks at it."""

# Not freezegun: it puts classes of its own in place of datetime's, at which pydantic models that a DAG file imports
# fail to build, and searches every loaded module at each start. Here the classes stay and their methods change.

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from typing import Any

from pytest_dynadag.generate.circumstances import INSTANTS, Variation
from pytest_dynadag.generate.instruments.asking import Asking
from pytest_dynadag.generate.instruments.patches import Patches

NAME = "clock"
_TICK = 0.001  # seconds, at each look of the user's own code: a measured duration is not zero
_PATIENCE = 10_000  # looks; after that it ticks for everybody, so that nobody waits for ever
_STEP = 0.01


class Clock:
    """A clock that moves when somebody looks at it or sleeps."""

    def __init__(self, asking: Asking, variation: Variation) -> None:
        number = max(variation.number(NAME), 1)
        self.asking = asking
        self.neutral = variation.now
        self.other = INSTANTS[(number - 1) % len(INSTANTS)].timestamp()
        self.moved = 0.0
        self.looks = 0

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.moved += seconds

    def tick(self, *, own: bool) -> None:
        """Take note of a look."""
        self.looks += 1
        self.moved += _STEP if self.looks > _PATIENCE else _TICK * own

    def read(self, *, changed: bool) -> float:
        """Give the time in seconds since 1970."""
        return (self.other if changed else self.neutral) + self.moved


def apply(asking: Asking, variation: Variation, patches: Patches) -> None:
    """Stand in for the clock."""
    clock = Clock(asking, variation)
    _patch_time(clock, patches)
    _patch_datetime(clock, patches)


def _patch_datetime(clock: Clock, patches: Patches) -> None:
    asking = clock.asking

    def now(cls: type[dt.datetime], tz: dt.tzinfo | None = None) -> dt.datetime:
        clock.tick(own=asking.is_own_call())
        return cls.fromtimestamp(clock.read(changed=asking.is_changed(NAME)), tz)

    def utcnow(cls: type[dt.datetime]) -> dt.datetime:
        clock.tick(own=asking.is_own_call())
        return cls.fromtimestamp(clock.read(changed=asking.is_changed(NAME)), dt.timezone.utc).replace(
            tzinfo=None
        )

    def today(cls: type[dt.date]) -> dt.date:
        clock.tick(own=asking.is_own_call())
        return cls.fromtimestamp(clock.read(changed=asking.is_changed(NAME)))

    patches.set_builtin(dt.datetime, "now", classmethod(now))
    patches.set_builtin(dt.datetime, "utcnow", classmethod(utcnow))
    patches.set_builtin(dt.date, "today", classmethod(today))


def _patch_time(clock: Clock, patches: Patches) -> None:
    asking = clock.asking

    def look() -> float:
        clock.tick(own=asking.is_own_call())
        return clock.read(changed=asking.is_changed(NAME))

    patches.set(time, "time", look)
    patches.set(time, "time_ns", lambda: int(look() * 1e9))
    for name in ("localtime", "gmtime", "ctime"):
        patches.set(time, name, _default_first(getattr(time, name), clock))
    for name in ("strftime", "asctime"):
        patches.set(time, name, _default_last(getattr(time, name), clock, time.localtime))
    for name in ("monotonic", "perf_counter", "process_time"):
        patches.set(time, name, _relative(getattr(time, name), clock, 1.0))
        patches.set(time, f"{name}_ns", _relative(getattr(time, f"{name}_ns"), clock, 1e9))
    sleep = time.sleep

    def sleep_and_move(seconds: float) -> None:
        sleep(seconds)
        clock.move(seconds)

    patches.set(time, "sleep", sleep_and_move)


def _default_first(original: Callable[..., Any], clock: Clock) -> Callable[..., Any]:
    """Fill in the time where a function of the module `time` is called without one."""

    def convert(seconds: float | None = None) -> Any:
        if seconds is not None:
            return original(seconds)
        clock.tick(own=clock.asking.is_own_call())
        return original(clock.read(changed=clock.asking.is_changed(NAME)))

    return convert


def _default_last(
    original: Callable[..., Any], clock: Clock, localtime: Callable[..., Any]
) -> Callable[..., Any]:
    wanted = 2 if original.__name__ == "strftime" else 1

    def convert(*arguments: Any) -> Any:
        if len(arguments) >= wanted:
            return original(*arguments)
        clock.tick(own=clock.asking.is_own_call())
        return original(*arguments, localtime(clock.read(changed=clock.asking.is_changed(NAME))))

    return convert


def _relative(original: Callable[..., Any], clock: Clock, unit: float) -> Callable[..., Any]:
    """Stand in for a clock that counts from somewhere; libraries, which wait with it, keep the real one."""

    def read() -> Any:
        if not clock.asking.is_own_call():
            return original()
        clock.tick(own=True)
        counted = clock.read(changed=clock.asking.is_changed(NAME)) % 1_000_000 * unit
        return counted if unit == 1.0 else int(counted)

    return read
