"""The order of directory listings: sorted, the other way round, or shuffled. The operating system promises none."""

from __future__ import annotations

import glob
import os
import pathlib
import random
from collections.abc import Iterator
from typing import Any

from pytest_dynadag.generate.circumstances import Variation
from pytest_dynadag.generate.instruments.asking import Asking
from pytest_dynadag.generate.instruments.patches import Patches

NAME = "listing_order"

# Who keeps references of its own: `Path` in Python 3.10, its `glob` in 3.13.
_KEEPERS = ((pathlib, "_NormalAccessor"), (glob, "_StringGlobber"))


class Listing:
    """What `os.scandir` gives, in an order of ours."""

    def __init__(self, entries: list[Any]) -> None:
        self._entries = iter(entries)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return next(self._entries)

    def __enter__(self) -> Listing:  # noqa: PYI034 - `Self` needs Python 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Do nothing: all has been read."""


def arrange(names: list[Any], number: int) -> list[Any]:
    """Give *names* in order number 0 (sorted), 1 (the other way round) or 2 and above (shuffled)."""
    ordered = sorted(names, key=lambda entry: getattr(entry, "name", entry))
    if number == 1:
        ordered.reverse()
    elif number > 1:
        random.Random(number).shuffle(ordered)  # noqa: S311 - reproducible on purpose
    return ordered


def apply(asking: Asking, variation: Variation, patches: Patches) -> None:
    """Stand in for `os.listdir` and `os.scandir`, on which `os.walk`, `glob` and `pathlib` are built."""
    number = max(variation.number(NAME), 1)
    listdir, scandir = os.listdir, os.scandir

    def listdir_arranged(path: Any = ".") -> list[Any]:
        return arrange(listdir(path), number if asking.is_changed(NAME) else 0)

    def scandir_arranged(path: Any = ".") -> Listing:
        with scandir(path) as entries:
            return Listing(arrange(list(entries), number if asking.is_changed(NAME) else 0))

    patches.set(os, "listdir", listdir_arranged)
    patches.set(os, "scandir", scandir_arranged)
    for owner in filter(None, (getattr(module, name, None) for module, name in _KEEPERS)):
        if getattr(owner, "listdir", None) is listdir:
            patches.set(owner, "listdir", staticmethod(listdir_arranged))
        if getattr(owner, "scandir", None) is scandir:
            patches.set(owner, "scandir", staticmethod(scandir_arranged))
