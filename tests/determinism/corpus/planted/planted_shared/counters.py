"""State that outlives a parse."""

from __future__ import annotations

import itertools

number = 0
names: list[str] = []
numbers = itertools.count()


def register(name: str) -> list[str]:
    """Remember a name, and give all so far."""
    names.append(name)  # expect: DYN101
    return list(names)


class Ticket:
    """Numbers its instances."""

    issued = 0

    def __init__(self) -> None:
        Ticket.issued += 1  # expect: DYN101
        self.number = Ticket.issued
