"""Circumstances that users added: context managers around a parse, which may fail like any code."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

from pytest_dynadag.generate.circumstances import Own, Variation


@contextmanager
def changed(own: Own, variation: Variation, not_applied: dict[str, str]) -> Iterator[None]:
    """Live in the circumstance for a while; where it raises, note why in *not_applied* and go on without it."""
    stack = ExitStack()
    try:
        stack.enter_context(_make(own, variation.number(own.name)))
    except Exception as error:
        not_applied[own.name] = f"{type(error).__name__}: {error}"
    yield
    try:
        stack.close()
    except Exception as error:
        not_applied[own.name] = f"{type(error).__name__}: {error}"


def _make(own: Own, number: int) -> AbstractContextManager[Any]:
    module, _, function = own.call.partition(":")
    made: AbstractContextManager[Any] = getattr(importlib.import_module(module), function)(number)
    return made
