"""State that outlives a parse and changes nothing."""

from __future__ import annotations

import functools

_known: dict[str, int] = {}
calls = 0


@functools.lru_cache
def compute(number: int) -> int:
    """Compute once."""
    return number * 2


def remember(name: str) -> list[str]:
    """Remember a name, once."""
    global calls
    calls += 1
    _known[name] = 1
    return sorted(_known)
