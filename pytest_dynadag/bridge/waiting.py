"""Waiting without time: where Airflow would wait during a run, the clock jumps instead."""

# Three kinds of waiting: the scheduler's, for a retry or a rescheduled sensor; a task's, in the `time.sleep` of
# Airflow's own sensors and operators; a trigger's, in its event loop. A user's `time.sleep` is left alone.

from __future__ import annotations

import asyncio
import selectors
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from typing import Any, Protocol

from pytest_dynadag.bridge.patching import replaced
from pytest_dynadag.bridge.protocol import Key

LOOKS = 200
"""How often a sensor or a trigger may look for what it waits for, before the run counts as one that cannot finish."""

_SLEEPERS = {
    "airflow.sdk.bases.sensor": "time",
    "airflow.sensors.base": "time",
    "airflow.sdk.execution_time.task_runner": "time",
    "airflow.operators.trigger_dagrun": "time",
    "airflow.providers.standard.operators.trigger_dagrun": "time",
    "airflow.providers.standard.sensors.time_delta": "sleep",
}
"""Airflow's modules that sleep, and the name by which they know `time`, or its `sleep`."""


class Clock(Protocol):
    """What can move the time of a run."""

    def jump(self, seconds: float) -> None:
        """Move the time forward."""


class Exhausted(BaseException):
    """Leaves a task or a trigger that has waited too often; a task's own `except Exception` does not hold it."""


class Patience:
    """Counts how often each instance waits, and lets the clock jump."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.waits: dict[Key, int] = {}
        self.current: Key = ("", -1)
        self.exhausted: Key | None = None
        self.ahead = 0.0

    def wait(self, seconds: float) -> None:
        """
        Let *seconds* pass for the instance that runs at the moment.

        Raises:
            Exhausted: It has waited too often.
        """
        self.waits[self.current] = self.waits.get(self.current, 0) + 1
        if self.waits[self.current] > LOOKS:
            self.exhausted = self.current
            raise Exhausted
        self.clock.jump(seconds)
        self.ahead += max(seconds, 0)

    def wait_until(self, moment: datetime) -> None:
        """Let the time pass until just after *moment*, for the scheduler, who wants a retry to lie in the past."""
        self.clock.jump((moment - datetime.now(timezone.utc)).total_seconds() + 1e-6)


def too_often(looks: int) -> str:
    """Return in words that an instance has waited in vain."""
    return f"it has looked {looks} times, and still waits"


def next_moment(dag_run: Any, session: Any) -> datetime | None:
    """Give when the next retry or rescheduled sensor of a run is ready; None where nothing waits for a time."""
    moments = [_moment_of(ti, dag_run.dag, session) for ti in dag_run.get_task_instances(session=session)]
    return min((moment for moment in moments if moment is not None), default=None)


def _moment_of(ti: Any, dag: Any, session: Any) -> datetime | None:
    from airflow.models.taskreschedule import TaskReschedule

    if ti.state == "up_for_retry":
        ti.task = dag.get_task(ti.task_id)
        moment: datetime = ti.next_retry_datetime()
        return moment
    if ti.state == "up_for_reschedule":
        rows = TaskReschedule.stmt_for_task_instance(ti, descending=True)
        found: datetime | None = session.scalar(
            rows.with_only_columns(TaskReschedule.reschedule_date).limit(1)
        )
        return found
    return None


@contextmanager
def sleepless(patience: Patience) -> Iterator[None]:
    """Let the clock jump where Airflow's own sensors and operators would sleep."""
    stand_ins = {"time": _Time(patience), "sleep": patience.wait}
    with ExitStack() as stack:
        for module, name in _SLEEPERS.items():
            owner = sys.modules.get(module)  # the DAG file has imported what its tasks are made of
            if hasattr(owner, name):
                stack.enter_context(replaced(owner, name, stand_ins[name]))
        stack.enter_context(replaced(asyncio.events, "new_event_loop", lambda: JumpingLoop(patience)))
        yield


class _Time:
    """The module `time` as those see it who may not sleep."""

    def __init__(self, patience: Patience) -> None:
        self.patience, self.sleep = patience, patience.wait

    def monotonic(self) -> float:
        """Give the machine's time and what was jumped over: freezegun's would leap when the first jump freezes it."""
        return time.clock_gettime(time.CLOCK_MONOTONIC) + self.patience.ahead

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop in which time passes at once whenever nothing but time is waited for."""

    def __init__(self, patience: Patience) -> None:
        self.ahead = 0.0
        super().__init__(_Selector(self, patience))

    def time(self) -> float:
        """Give the loop's time: the machine's, which freezegun does not stop, and what was jumped over."""
        return time.clock_gettime(time.CLOCK_MONOTONIC) + self.ahead

    @property
    def only_time_helps(self) -> bool:
        """Whether no thread works for the loop."""
        return getattr(self, "_default_executor", None) is None


class _Selector(selectors.DefaultSelector):
    """Waits for sockets, and jumps where there are none but the loop's own."""

    def __init__(self, loop: JumpingLoop, patience: Patience) -> None:
        super().__init__()
        self.loop, self.patience = loop, patience

    def select(self, timeout: float | None = None) -> Any:
        """Give the sockets that are ready."""
        if not timeout or timeout < 0 or len(self.get_map()) > 1 or not self.loop.only_time_helps:
            return super().select(timeout)
        ready = super().select(0)
        if not ready:
            self.patience.wait(timeout)
            self.loop.ahead += timeout
        return ready
