"""The clock of a run: it stands still at a date, or goes as usual, and jumps where something would wait."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any


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
        with self._stack:
            if self.at is not None:
                self._freeze(self.at, tick=False)
            yield

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
        self._frozen = self._stack.enter_context(
            freeze_time(moment.astimezone(timezone.utc), tick=tick, **options)
        )
