"""A clock that stands still while a DAG runs."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any


@contextmanager
def frozen(at: datetime | None) -> Iterator[None]:
    """
    Let the clock stand at *at*, by freezegun; None leaves it alone.

    Enter it after Airflow's run path is loaded: pydantic cannot build its models from freezegun's classes.
    """
    if at is None:
        yield
        return
    import freezegun

    freeze_time: Any = freezegun.freeze_time
    # Airflow 3's in-process API waits in an event loop, which needs time to pass; older freezeguns see to it alike.
    options = {"real_asyncio": True} if "real_asyncio" in inspect.signature(freeze_time).parameters else {}
    with freeze_time(at.astimezone(timezone.utc), **options):
        yield
