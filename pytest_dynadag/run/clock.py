"""A clock that stands still while a DAG runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone


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

    # real_asyncio: Airflow 3's in-process API waits in an event loop, which needs time to pass.
    with freezegun.freeze_time(at.astimezone(timezone.utc), **_options(freezegun.freeze_time)):
        yield


def _options(freeze_time: object) -> dict[str, bool]:
    import inspect

    known = inspect.signature(freeze_time).parameters  # type: ignore[arg-type]
    return {"real_asyncio": True} if "real_asyncio" in known else {}
