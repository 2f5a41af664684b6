"""The canonical form: any value that a DAG file may hold, as JSON that says what it is and nothing that varies."""

# Why: structures travel between processes and are compared between them. What differs from one process to the
# next without meaning anything (addresses in reprs, the order of a set) must not stand in the form; what has
# meaning (the order of a list or of a dict's items, a tuple against a list) must.

from __future__ import annotations

import base64
import datetime as dt
import decimal
import enum
import hashlib
import json
import math
import pathlib
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+|0x[0-9a-fA-F]{6,}")
_MODULE_OF_A_DAG_FILE = re.compile(r"\bunusual_prefix_[0-9a-f]{40}_")
_DEEPEST = 60


@dataclass(frozen=True, slots=True)
class Opaque:
    """Something of the DAG's own that JSON cannot hold: its kind, its name, and its text without addresses."""

    kind: str
    name: str
    text: str = ""

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}>"


@runtime_checkable
class Reference(Protocol):
    """A value that stands for something else (an output, an argument of a group) and can say so as JSON."""

    def to_dict(self) -> dict[str, Any]:
        """Give the reference as JSON."""


_REFERENCES: dict[str, Callable[[dict[str, Any]], Any]] = {}


def register_reference(tag: str, read: Callable[[dict[str, Any]], Any]) -> None:
    """Make `decode` read the references whose form is `{tag: ...}` by calling *read*."""
    _REFERENCES[tag] = read


def encode(value: Any, *, depth: int = 0) -> Any:
    """
    Give *value* as JSON data, so that equal meanings have equal forms in every process.

    Lists, strings, numbers and dicts with plain string keys stay what they are, in their order; everything
    else becomes a dict with one key that begins with `$`. Sets are sorted. Functions and classes are named,
    other objects are described by their class and their repr without addresses.
    """
    if value is None or (isinstance(value, (bool, int, str)) and not isinstance(value, enum.Enum)):
        return value
    if depth > _DEEPEST:
        return {"$object": type(value).__qualname__, "text": "nested too deeply"}
    for kinds, write in _WRITERS:
        if isinstance(value, kinds):
            return write(value, depth + 1)
    if isinstance(value, Reference) and not isinstance(value, type):
        return value.to_dict()
    return _encode_object(value)


def decode(data: Any) -> Any:
    """
    Read what `encode` wrote; functions and objects come back as `Opaque`, never as themselves.

    Nothing is imported or executed, whatever *data* says.
    """
    if isinstance(data, list):
        return [decode(item) for item in data]
    if not isinstance(data, dict):
        return data
    tag = next(iter(data), "")
    if tag in _REFERENCES:
        return _REFERENCES[tag](data)
    if tag in _READERS:
        return _READERS[tag](data[tag], data)
    return {key: decode(item) for key, item in data.items()}


def digest(value: Any, *, length: int = 12) -> str:
    """Give a short hexadecimal digest of the canonical form of *value*."""
    return hashlib.sha256(dump(value).encode()).hexdigest()[:length]


def dump(value: Any) -> str:
    """Write the canonical form of *value* as one line of JSON; two values mean the same if these are equal."""
    return json.dumps(encode(value), ensure_ascii=False, separators=(",", ":"))


def same(one: Any, other: Any) -> bool:
    """Tell whether two values mean the same: 1 is not True, a tuple not a list, a dict's order matters."""
    return one is other or dump(one) == dump(other)


def _encode_float(value: float, depth: int) -> Any:
    return value if math.isfinite(value) else {"$float": repr(value)}


def _encode_dict(value: Mapping[Any, Any], depth: int) -> Any:
    if all(isinstance(key, str) and not key.startswith("$") for key in value):
        return {key: encode(item, depth=depth) for key, item in value.items()}
    return {"$dict": [[encode(k, depth=depth), encode(v, depth=depth)] for k, v in value.items()]}


def _encode_set(value: Any, depth: int) -> Any:
    members = [encode(member, depth=depth) for member in value]
    return {"$set": sorted(members, key=lambda member: json.dumps(member, sort_keys=True))}


def _encode_object(value: Any) -> Any:
    name = getattr(value, "__qualname__", None)
    if isinstance(name, str):
        return {"$callable": f"{_module_name(getattr(value, '__module__', ''))}.{name}"}
    if function := getattr(value, "func", None):  # functools.partial
        return {"$object": type(value).__qualname__, "text": json.dumps(_encode_object(function))}
    kind = f"{_module_name(type(value).__module__)}.{type(value).__qualname__}"
    return {"$object": kind, "text": describe_object(value)}


def describe_object(value: Any) -> str:
    """Give the repr of an object without what differs between processes; a repr that raises gives nothing."""
    try:
        text = repr(value)
    except Exception:
        return ""
    return _MODULE_OF_A_DAG_FILE.sub("", _ADDRESS.sub("", text))[:2000]


def _module_name(module: Any) -> str:
    """Airflow loads a DAG file under a name that holds a hash of its path: keep the file's own name."""
    name = _MODULE_OF_A_DAG_FILE.sub("", str(module))
    return re.sub(r"^unusual_prefix_[0-9a-f]+_", "", name)


_Writer = Callable[[Any, int], Any]
_WRITERS: list[tuple[Any, _Writer]] = [
    (float, _encode_float),
    (
        enum.Enum,
        lambda v, d: {"$enum": f"{type(v).__qualname__}.{v.name}", "value": encode(v.value, depth=d)},
    ),
    (Opaque, lambda v, d: _write_opaque(v)),
    (list, lambda v, d: [encode(item, depth=d) for item in v]),
    (tuple, lambda v, d: {"$tuple": [encode(item, depth=d) for item in v]}),
    (Mapping, _encode_dict),
    ((set, frozenset), _encode_set),
    (bytes, lambda v, d: {"$bytes": base64.b64encode(v).decode()}),
    (dt.datetime, lambda v, d: {"$datetime": v.isoformat()}),
    (dt.date, lambda v, d: {"$date": v.isoformat()}),
    (dt.time, lambda v, d: {"$time": v.isoformat()}),
    (dt.timedelta, lambda v, d: {"$timedelta": v.total_seconds()}),
    (decimal.Decimal, lambda v, d: {"$decimal": str(v)}),
    (uuid.UUID, lambda v, d: {"$uuid": str(v)}),
    (pathlib.PurePath, lambda v, d: {"$path": str(v)}),
]


def _write_opaque(value: Opaque) -> dict[str, Any]:
    if value.kind == "callable":
        return {"$callable": value.name}
    if value.kind == "enum":
        return {"$enum": value.name, "value": json.loads(value.text)}
    return {"$object": value.name, "text": value.text}


_READERS: dict[str, Callable[[Any, dict[str, Any]], Any]] = {
    "$float": lambda text, _: float(text),
    "$enum": lambda name, data: Opaque("enum", name, json.dumps(data["value"])),
    "$callable": lambda name, _: Opaque("callable", name),
    "$object": lambda name, data: Opaque("object", name, data["text"]),
    "$tuple": lambda items, _: tuple(decode(item) for item in items),
    "$dict": lambda pairs, _: {_hashable(decode(key)): decode(item) for key, item in pairs},
    "$set": lambda items, _: frozenset(_hashable(decode(item)) for item in items),
    "$bytes": lambda text, _: base64.b64decode(text),
    "$datetime": lambda text, _: dt.datetime.fromisoformat(text),
    "$date": lambda text, _: dt.date.fromisoformat(text),
    "$time": lambda text, _: dt.time.fromisoformat(text),
    "$timedelta": lambda seconds, _: dt.timedelta(seconds=seconds),
    "$decimal": lambda text, _: decimal.Decimal(text),
    "$uuid": lambda text, _: uuid.UUID(text),
    "$path": lambda text, _: pathlib.PurePosixPath(text),
}


def _hashable(value: Any) -> Any:
    return tuple(_hashable(item) for item in value) if isinstance(value, (list, tuple)) else value
