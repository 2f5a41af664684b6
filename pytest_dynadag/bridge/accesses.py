"""Accesses to the metadata database while a DAG file is loaded, whatever becomes of the answer."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from pytest_dynadag.bridge.lines import LIBRARIES

BUILDERS = ("__init__", "apply_defaults", "factory")
"""What is called to make a DAG or an operator: constructors, their wrapper, and what `@dag` makes."""


@contextmanager
def watched_database(path: Path) -> Iterator[list[int]]:
    """
    Note from which lines of the file *path* the metadata database is asked.

    What Airflow itself asks while it makes a DAG or an operator is no fault of the file's: Airflow 2 does so for
    dataset aliases in a schedule and for SubDagOperator.
    """
    from airflow import settings
    from sqlalchemy import event

    lines: list[int] = []

    def note(*_: object) -> None:
        if line := find_line(sys._getframe(1), str(path)):  # noqa: SLF001
            lines.append(line)

    engine = settings.engine
    if engine is None:  # nobody can ask: _AIRFLOW_SKIP_DB_TESTS
        yield lines
        return
    event.listen(engine, "engine_connect", note)
    try:
        yield lines
    finally:
        event.remove(engine, "engine_connect", note)


def find_line(frame: FrameType | None, file: str) -> int | None:
    """Give the line of *file* that led to *frame*; None if none did, or if it only made something of Airflow's."""
    called, own = "", False
    while frame is not None:
        code = frame.f_code
        found = code.co_filename == file  # which may be one of Airflow's own examples
        if not own and (found or not code.co_filename.startswith(("<", *LIBRARIES))):
            own = True
            if called in BUILDERS:
                return None
        if found:
            return frame.f_lineno
        called, frame = code.co_name, frame.f_back
    return None
