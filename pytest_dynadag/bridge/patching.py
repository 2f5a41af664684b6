"""Replacing an attribute for a while: how we listen to Airflow where it offers no hook."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def replaced(owner: Any, name: str, new: Any) -> Iterator[None]:
    """Set `owner.name` to *new*, then put back what *owner* itself had there; the name must exist."""
    getattr(owner, name)  # an Airflow that has renamed it should fail here, in words
    own = vars(owner).get(name, _NOTHING)
    try:
        setattr(owner, name, new)  # an interrupt may come at once
        yield
    finally:
        if own is _NOTHING:
            delattr(owner, name)
        else:
            setattr(owner, name, own)


_NOTHING = object()
