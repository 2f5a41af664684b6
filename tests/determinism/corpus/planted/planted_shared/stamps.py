"""Functions that ask for what differs."""

from __future__ import annotations

import random
from datetime import datetime


def stamp() -> str:
    """Give the time."""
    return datetime.now().isoformat()  # expect: DYN103


def shuffled(names: list[str]) -> list[str]:
    """Give the names in any order."""
    return sorted(names, key=lambda name: random.random())  # expect: DYN104
