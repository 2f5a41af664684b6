"""Values as one line of text that is the same on every machine and every Airflow, and tells no secret."""

# Why not repr or the canonical form: both keep what a snapshot must not have (a tuple against a list, modules that
# move between Airflow versions, absolute paths, passwords).

from __future__ import annotations

import datetime as dt
import decimal
import enum
import hashlib
import json
import pathlib
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_dynadag.graph.canonical import Opaque, describe_object
from pytest_dynadag.graph.expansion import Unknown
from pytest_dynadag.graph.sources import (
    Argument,
    Concat,
    Literal,
    Map,
    MappingForm,
    Output,
    Product,
    Rows,
    Zip,
)
from pytest_dynadag.printable import escape
from pytest_dynadag.secrecy import MASK, hide, hide_assigned, is_secret, match_any

LONGEST_TEXT = 120
"""Characters of one text; longer ones are cut and end in a digest of the whole."""
LONGEST_LIST = 240
"""Characters of one list, mapping or set; longer ones are cut to the first items and a digest of all."""
_PLAIN_NAME = re.compile(r"[\w.\-@]+")


def digest_text(text: str) -> str:
    """Give a short hexadecimal digest of *text*."""
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:12]


def quote(text: str) -> str:
    """Write *text* in double quotes on one line, whatever stands in it."""
    return escape(json.dumps(text, ensure_ascii=False))


def write_name(name: object) -> str:
    """Write an id or the name of an argument: as it is if it is plain, else in quotes."""
    text = str(name)
    return text if _PLAIN_NAME.fullmatch(text) else quote(text)


@dataclass(frozen=True)
class ValueWriter:
    """
    Writes values.

    Attributes:
        root: A folder, such as the project's: paths in it are written from `<root>` on, so that they are the same
            in every checkout. Empty for none.
        secrets: Texts to hide wherever they stand.
    """

    root: str = ""
    secrets: frozenset[str] = frozenset()
    _hidden: re.Pattern[str] | None = field(init=False, default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hidden", match_any(self.secrets))

    def clean(self, text: str) -> str:
        """Hide secrets and passwords of URLs in *text*, and where the project lies."""
        text = hide(text, self._hidden)
        return text.replace(self.root, "<root>") if self.root else text

    def text(self, text: str) -> str:
        """Write a text in quotes; a long one is cut."""
        text = self.clean(text)
        if len(text) <= LONGEST_TEXT:
            return quote(text)
        start = text[: LONGEST_TEXT - 40]
        return f"{quote(start + '...')}<{len(text)} characters, {digest_text(text)}>"

    def value(self, value: Any) -> str:
        """Write any value that a DAG file or an output may hold."""
        if value is None or isinstance(value, bool):
            return json.dumps(value)
        if isinstance(value, enum.Enum):
            return self.value(value.value)
        if isinstance(value, str):
            return self.text(value)
        for kinds, write in _WRITERS:
            if isinstance(value, kinds):
                return write(self, value)
        return self._other(value)

    def argument(self, name: object, value: Any) -> str:
        """Write what stands under *name*: hidden if the name says so."""
        return MASK if value is not None and is_secret(name) else self.value(value)

    def arguments(self, arguments: Mapping[Any, Any]) -> str:
        """Write arguments by name, sorted: `day=1 region="eu"`."""
        written = ((write_name(name), self.argument(name, value)) for name, value in arguments.items())
        return " ".join(f"{name}={value}" for name, value in sorted(written))

    def mapping(self, form: MappingForm) -> str:
        """Write what a task or a group is mapped over."""
        if isinstance(form, Rows):
            return f"rows of {self.value(form.source)}"
        parts = ((name, self.argument(name, source)) for name, source in form.arguments)
        return " ".join(f"{write_name(name)}={value}" for name, value in parts)

    def _items(self, items: Iterable[str], opening: str, closing: str) -> str:
        written = list(items)
        whole = ", ".join(written)
        if len(whole) <= LONGEST_LIST:
            return f"{opening}{whole}{closing}"
        shown: list[str] = []
        while len(", ".join((*shown, written[len(shown)]))) <= LONGEST_LIST // 2:
            shown.append(written[len(shown)])
        more = f"<{len(written) - len(shown)} more, {digest_text(whole)}>"
        return f"{opening}{', '.join((*shown, more))}{closing}"

    def _dict(self, value: Mapping[Any, Any]) -> str:
        items = (
            f"{quote(self.clean(k)) if isinstance(k, str) else self.value(k)}: {self.argument(k, item)}"
            for k, item in value.items()
        )
        return self._items(sorted(items), "{", "}")

    def _other(self, value: Any) -> str:
        name = getattr(value, "__qualname__", None)
        if isinstance(value, Opaque):
            return (
                _write_function(value.name)
                if value.kind == "callable"
                else self._object(value.name, value.text)
            )
        if isinstance(name, str):
            return _write_function(name)
        return self._object(type(value).__qualname__, describe_object(value))

    def _object(self, name: str, text: str) -> str:
        """Write an object: its class, and what its repr says if that is more than an address."""
        kind = escape(name.rpartition(".")[2])
        if not text or text.startswith("<"):
            return f"<{kind}>"
        return f"<{kind} {self.text(hide_assigned(text))}>"


def _write_function(name: str) -> str:
    own = name.rpartition(".")[2]
    return "<function lambda>" if own == "<lambda>" else f"<function {escape(own)}>"


def _write_zip(write: ValueWriter, value: Zip) -> str:
    sources = [write.value(source) for source in value.sources]
    fill = [f"fillvalue={write.value(value.fillvalue)}"] if "fillvalue" in value.to_dict() else []
    return f"zip({', '.join([*sources, *fill])})"


def _write_map(write: ValueWriter, value: Map) -> str:
    functions = "".join(f".map({_write_function(f.name)})" for f in value.functions)
    return f"{write.value(value.source)}{functions}"


_Write = Callable[[ValueWriter, Any], str]
_WRITERS: list[tuple[Any, _Write]] = [
    ((int, float, decimal.Decimal), lambda w, v: str(v)),
    (Unknown, lambda w, v: "?"),
    ((list, tuple), lambda w, v: w._items(map(w.value, v), "[", "]")),  # noqa: SLF001 - its own writers
    (Mapping, lambda w, v: w._dict(v)),  # noqa: SLF001
    ((set, frozenset), lambda w, v: w._items(sorted(map(w.value, v)), "{", "}")),  # noqa: SLF001
    (dt.timedelta, lambda w, v: f"{v.total_seconds():g}s"),
    ((dt.datetime, dt.date, dt.time), lambda w, v: str(v.isoformat())),
    (bytes, lambda w, v: f"<{len(v)} bytes, {hashlib.sha256(v).hexdigest()[:12]}>"),
    (uuid.UUID, lambda w, v: str(v)),
    (pathlib.PurePath, lambda w, v: w.text(str(v))),
    ((Output, Argument), lambda w, v: f"<{escape(str(v))}>"),
    (Literal, lambda w, v: w.value(v.value)),
    (Map, _write_map),
    (Zip, _write_zip),
    (Concat, lambda w, v: f"concat({', '.join(map(w.value, v.sources))})"),
    (Product, lambda w, v: w.mapping(v)),
    (Rows, lambda w, v: w.mapping(v)),
]
