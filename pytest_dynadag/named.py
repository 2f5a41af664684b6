"""Mappings by name that tests ask: who asks for a name that is not there hears which are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NoReturn, TypeVar

from pytest_dynadag.errors import UnknownNameError

Value = TypeVar("Value")


class Named(dict[str, Value]):
    """
    A dict that raises `UnknownNameError`, which is a KeyError too, for a name that it does not have.

    Args:
        entries: Name to value.
        what: What a name is the name of, such as `task`.
        where: Where it is looked for, such as `the plan of 'sales'`.
    """

    __slots__ = ("what", "where")

    def __init__(
        self, entries: Mapping[str, Value] | Iterable[tuple[str, Value]] = (), *, what: str, where: str
    ) -> None:
        super().__init__(entries)
        self.what, self.where = what, where

    def __missing__(self, name: object) -> NoReturn:
        __tracebackhide__ = True
        raise UnknownNameError(self.what, str(name), self, where=self.where)

    def __reduce__(self) -> tuple[type[dict[str, Value]], tuple[dict[str, Value]]]:
        return dict, (dict(self),)
