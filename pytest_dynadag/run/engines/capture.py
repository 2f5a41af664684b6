"""What an instance prints and logs while it is executed."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
from collections.abc import Iterator
from typing import Any

_TASK_LOGGER = "airflow.task"


MOST = 1 << 22
"""How many characters of what one instance prints and logs are kept: of more, the beginning and the end."""


class Sink(io.StringIO):
    """What one instance has printed and logged."""

    def write(self, text: str) -> int:
        """Add a text; what is in the middle of very much is left out."""
        super().write(text if len(text) <= MOST else f"{text[: MOST // 4]}\n...\n{text[-MOST // 4 :]}")
        if self.tell() > 2 * MOST:
            whole = self.getvalue()
            self.seek(0)
            self.truncate()
            super().write(f"{whole[: MOST // 2]}\n... left out ...\n{whole[-MOST // 2 :]}")
        return len(text)


class Capture:
    """
    Writes down what is printed, and what is logged at INFO or above, by anybody but Airflow itself.

    Airflow's task logger counts as the task's: `airflow.task`, which operators use as `self.log`.
    """

    def __init__(self) -> None:
        self.handler = logging.StreamHandler(io.StringIO())
        self.handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Set the loggers up for a run, and put them back: for each instance, that would be dear."""
        root, task = logging.getLogger(), logging.getLogger(_TASK_LOGGER)
        before = [(logger, logger.level, list(logger.handlers), logger.propagate) for logger in (root, task)]
        root.addHandler(self.handler)
        root.setLevel(min(root.level or logging.INFO, logging.INFO))
        task.handlers, task.propagate = [self.handler], False
        task.setLevel(logging.INFO)
        try:
            yield
        finally:
            for logger, level, handlers, propagate in before:
                logger.setLevel(level)
                logger.handlers, logger.propagate = handlers, propagate

    def writing(self, sink: io.StringIO) -> Writing:
        """Write to *sink*, while the result is entered, what one instance says; a further try adds to it."""
        return Writing(self.handler, sink)


class Writing:
    """Leads what is said to a sink; a class, because this is entered for each instance of a wide map."""

    def __init__(self, handler: logging.StreamHandler[Any], sink: io.StringIO) -> None:
        self.handler, self.sink = handler, sink

    def __enter__(self) -> None:
        self.before = self.handler.stream, sys.stdout, sys.stderr
        self.handler.stream = sys.stdout = sys.stderr = self.sink

    def __exit__(self, *error: object) -> None:
        self.handler.stream, sys.stdout, sys.stderr = self.before
