"""What an instance prints and logs while it is executed."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator

_TASK_LOGGER = "airflow.task"


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

    @contextlib.contextmanager
    def writing(self, sink: io.StringIO) -> Iterator[None]:
        """Write to *sink* what one instance says; a further try adds to it."""
        before = self.handler.setStream(sink)
        try:
            with contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
                yield
        finally:
            self.handler.setStream(before or io.StringIO())
