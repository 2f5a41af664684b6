"""Replacing what modules and built-in classes have, for a while."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_ABSENT = object()


class Patches:
    """What was replaced, to be put back in the opposite order."""

    def __init__(self) -> None:
        self._done: list[tuple[Any, str, Any]] = []

    def set(self, owner: Any, name: str, value: Any) -> None:
        """Replace an attribute that is there, of a module or of a class written in Python."""
        if name in vars(owner):
            self._done.append((owner, name, vars(owner)[name]))
            setattr(owner, name, value)

    def set_builtin(self, owner: type, name: str, value: Any) -> None:
        """
        Replace an attribute of a class written in C.

        The class stays the same object: modules that have it already see the change, and whatever compares classes
        (pydantic does) is not confused, as it is by a subclass in its place.
        """
        self._done.append((owner, name, vars(owner).get(name, _ABSENT)))
        _write_builtin(owner, name, value)

    def undo(self) -> None:
        """Put everything back."""
        while self._done:
            owner, name, value = self._done.pop()
            if isinstance(owner, type) and not owner.__flags__ & _HEAP_TYPE:
                _write_builtin(owner, name, value)
            else:
                setattr(owner, name, value)


_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE


@contextmanager
def patching() -> Iterator[Patches]:
    """Give something to replace with; everything is put back at the end."""
    patches = Patches()
    try:
        yield patches
    finally:
        patches.undo()


def _write_builtin(owner: type, name: str, value: Any) -> None:
    # The class's own namespace is what its read-only view refers to.
    namespace = gc.get_referents(vars(owner))[0]
    if value is _ABSENT:
        namespace.pop(name, None)
    else:
        namespace[name] = value
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(owner))
