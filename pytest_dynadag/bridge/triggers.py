"""What a triggerer does for a deferred instance: run its trigger, and hand the event on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

_TIMEOUT = "Trigger timeout"
"""The reason by which the task code tells a trigger that was too slow (`TriggerFailureReason`, both families)."""


def fire(ti: Any, session: Any, run: Callable[[Any], Any]) -> None:
    """
    Run the trigger that *ti* is deferred to until its first event, and let Airflow resume the instance with it.

    As the triggerer does, and unlike `dag.test()` of 3.3: what was deferred with `defer(kwargs=...)` is kept, and a
    trigger that fails, ends without an event or takes longer than `defer(timeout=...)` fails the task, which may
    then be retried. Source: `models/trigger.py` and `jobs/triggerer_job_runner.py`, 2.11 and 3.3.

    Args:
        ti: A row of the task instance table, deferred.
        session: The session it belongs to.
        run: Runs a trigger to its first event, None where it ends without one.
    """
    from airflow.models.trigger import Trigger

    trigger_id, deadline = ti.trigger_id, ti.trigger_timeout
    event: Any = None
    error: Exception = RuntimeError("the trigger ended without sending an event")
    try:
        event = run(_make(session.get(Trigger, trigger_id), deadline))
    except Exception as raised:
        error = raised
    if event:
        Trigger.submit_event(trigger_id, event, session=session)
    else:
        late = isinstance(error, asyncio.TimeoutError)
        Trigger.submit_failure(trigger_id, error, session=session)
        if late:
            ti.next_kwargs = {"error": _TIMEOUT}
    session.commit()


def _make(row: Any, deadline: datetime | None) -> Any:
    from importlib import import_module

    module, _, name = row.classpath.rpartition(".")
    trigger = getattr(import_module(module), name)(**row.kwargs)
    return trigger if deadline is None else LimitedTrigger(trigger, deadline)


class LimitedTrigger:
    """A trigger with the time that its task gives it."""

    def __init__(self, trigger: Any, deadline: datetime) -> None:
        self.trigger, self.deadline = trigger, deadline

    async def run(self) -> Any:
        """Give the first event, in time."""
        left = (self.deadline - datetime.now(timezone.utc)).total_seconds()
        events = self.trigger.run().__aiter__()
        try:
            yield await asyncio.wait_for(events.__anext__(), left)
        except StopAsyncIteration:
            return
