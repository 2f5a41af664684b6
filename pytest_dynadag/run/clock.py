"""The clock of a run: it stands still at a date, or goes as usual, and jumps where something would wait."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any

from pytest_dynadag.bridge.restore import adopted, held_interrupts


class RunClock:
    """
    The clock that a run sees, by freezegun.

    With a date it stands still there, and moves only by jumps. Without, it is the machine's own until the first jump;
    from then on it ticks, as far ahead as was jumped. Either way only for the time of the run.

    Args:
        at: The date, with a zone, or None.
    """

    def __init__(self, at: datetime | None) -> None:
        self.at = at
        self._stack = ExitStack()
        self._frozen: Any = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """
        Let the clock be seen.

        Enter it after Airflow's run path is loaded: pydantic cannot build its models from freezegun's classes.
        """
        try:
            if self.at is not None:
                self._freeze(self.at, tick=False)
            yield
        finally:
            with held_interrupts():
                self._stack.close()

    def jump(self, seconds: float) -> None:
        """Move the time forward; never back."""
        now = datetime.now(timezone.utc)
        if self._frozen is None:
            self._freeze(now, tick=True)
        self._frozen.move_to(now + timedelta(seconds=max(seconds, 0)))

    def _freeze(self, moment: datetime, *, tick: bool) -> None:
        import freezegun

        freeze_time: Any = freezegun.freeze_time
        # An event loop needs time to pass in its own way; older freezeguns see to it alike.
        known = inspect.signature(freeze_time).parameters
        options = {"real_asyncio": True} if "real_asyncio" in known else {}
        freezing = freeze_time(moment.astimezone(timezone.utc), tick=tick, **options)
        # Half frozen, the clock could not be put right; and it may be an instance that has made it jump.
        with held_interrupts(), adopted():
            self._frozen = self._stack.enter_context(freezing)
