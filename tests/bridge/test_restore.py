"""What an instance does to the process is undone, whenever an interrupt comes."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pytest_dynadag.bridge import restore
from pytest_dynadag.bridge.patching import replaced
from pytest_dynadag.bridge.restore import ProcessEnded, TaskProcess, adopted, held_interrupts
from pytest_dynadag.run.clock import RunClock

WATCHED = (
    (os, "_exit"),
    (os, "abort"),
    (os, "fork"),
    (os, "kill"),
    (threading.Thread, "start"),
    (time, "time"),
)


@pytest.fixture(autouse=True)
def _terminal() -> Iterator[None]:
    """Heed Ctrl-C, also where these tests themselves run in the background."""
    heeded = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, heeded)


def note() -> tuple[Any, ...]:
    """Return what an instance, or what surrounds it, could leave behind."""
    functions = [getattr(owner, name) for owner, name in WATCHED]
    return (
        functions,
        dict(os.environ),
        list(sys.path),
        [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGALRM)],
        len([*Path("/proc/self/fd").iterdir()]),
    )


def interrupt_at(number: int, act: Callable[[], None], codes: set[Any]) -> bool:
    """Run *act*, with Ctrl-C before the line of that number that *codes* execute; tell whether it came."""
    left = number

    def trace(frame: Any, event: str, argument: object) -> Any:
        nonlocal left
        if frame.f_code not in codes:
            return None
        if event == "line":
            left -= 1
            if left == 0:
                signal.raise_signal(signal.SIGINT)
        return trace

    sys.settrace(trace)
    try:
        act()
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(None)
    return left <= 0


def run_instances() -> None:
    """Contain two instances that change what they can."""
    process = TaskProcess()
    try:
        for _ in range(2):
            with process:
                os.environ["HOSTILE"] = "1"
                sys.path.insert(0, "/hostile")
                time.time = lambda: 0.0
                raise SystemExit(3)
    finally:
        process.close()


def test_an_interrupt_at_any_line_leaves_nothing() -> None:
    """What is installed for the instances, and what they have changed, is undone wherever Ctrl-C comes between."""
    codes = {
        each.__code__
        for kind in (
            TaskProcess,
            restore.RefusedEnds,
            restore.Streams,
            restore.SharedValues,
            restore.Surroundings,
        )
        for name, each in vars(kind).items()
        if hasattr(each, "__code__") and name != "close"
    }
    run_instances()
    before, number = note(), 1

    while interrupt_at(number, run_instances, codes):
        assert before == note(), f"at line {number}"
        number += 1
    assert number > 100


def test_an_interrupt_while_the_clock_is_frozen_or_freed_leaves_the_time() -> None:
    """Neither half of it can be left undone."""
    import freezegun.api

    def run() -> None:
        with clock.running():
            clock.jump(1)

    codes = {freezegun.api._freeze_time.start.__code__, freezegun.api._freeze_time.stop.__code__}
    real = time.time
    for number in (1, 5, 20, 100, 5000):
        clock = RunClock(None)
        interrupt_at(number, run, codes)
        assert time.time is real


def test_interrupts_are_held_and_then_raised() -> None:
    """Nothing is lost of what comes while something must not be interrupted."""
    reached = []

    def act() -> None:
        with held_interrupts():
            signal.raise_signal(signal.SIGINT)
            reached.append("the end")

    with pytest.raises(KeyboardInterrupt):
        act()

    assert ["the end"] == reached
    assert signal.default_int_handler is signal.getsignal(signal.SIGINT)


def test_an_interrupt_that_an_instance_swallows_ends_the_tests() -> None:
    """Whatever becomes of it in the instance; what the instance itself raises does not leave it."""
    process = TaskProcess()
    try:
        with process:
            raise SystemExit(3)
        with process:
            os._exit(3)
        with pytest.raises(KeyboardInterrupt), process, suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        caught = []
        with process:
            try:
                os.abort()
            except ProcessEnded as error:
                caught.append(error.call)
        assert ["os.abort()"] == caught
    finally:
        process.close()


def test_what_was_put_back_before_the_end_stays_so() -> None:
    """What a run had replaced before its first instance is not replaced anew where the process is closed."""
    process, real = TaskProcess(), time.sleep
    with replaced(time, "sleep", print), process:
        pass
    process.close()

    assert real is time.sleep


def test_what_is_adopted_stays() -> None:
    """A change that is the run's own outlives the instance in which it came about; the instance's own does not."""
    process, before = TaskProcess(), (time.time, time.monotonic)
    try:
        with process:
            time.monotonic = lambda: 0.0
            with adopted():
                time.time = ours = lambda: 1.0
        with process:
            assert ours is time.time
            assert before[1] is time.monotonic
        assert ours is time.time
    finally:
        time.time = before[0]
        process.close()


def test_a_timer_is_armed_again_where_an_instance_took_it() -> None:
    """As Airflow's own `execution_timeout` does; one that nobody had set goes off no more."""
    process, handler = TaskProcess(), signal.signal(signal.SIGALRM, lambda *_: None)
    try:
        signal.setitimer(signal.ITIMER_REAL, 500)
        with process:
            signal.setitimer(signal.ITIMER_REAL, 0)
        assert 400 < signal.getitimer(signal.ITIMER_REAL)[0] <= 500
        process.close()
        signal.setitimer(signal.ITIMER_REAL, 0)
        with process:
            signal.setitimer(signal.ITIMER_REAL, 500)
        assert 0 == signal.getitimer(signal.ITIMER_REAL)[0]
    finally:
        process.close()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
