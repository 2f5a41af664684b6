"""What an instance prints and logs while it is executed."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator

_TASK_LOGGER = "airflow.task"


@contextlib.contextmanager
def captured(sink: io.StringIO) -> Iterator[None]:
    """
    Write to *sink* what is printed, and what is logged at INFO or above, by anybody but Airflow itself.

    Airflow's task logger counts as the task's: `airflow.task`, which operators use as `self.log`.
    """
    handler = logging.StreamHandler(sink)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    root, task = logging.getLogger(), logging.getLogger(_TASK_LOGGER)
    before = [(logger, logger.level, list(logger.handlers), logger.propagate) for logger in (root, task)]
    root.addHandler(handler)
    root.setLevel(min(root.level or logging.INFO, logging.INFO))
    task.handlers, task.propagate = [handler], False
    task.setLevel(logging.INFO)
    try:
        with contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
            yield
    finally:
        for logger, level, handlers, propagate in before:
            logger.setLevel(level)
            logger.handlers, logger.propagate = handlers, propagate
