"""Mapping sources: what a task or a group is mapped over, as an algebra of plain frozen values."""

# Two forms of mapping (Product for `expand`, Rows for `expand_kwargs`) over sources that nest:
# Literal, Output, Map, Zip, Concat, and Argument (what an enclosing mapped group hands in).
# Follows Airflow's expandinput.py and xcom_arg.py (2.10-3.3).

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pytest_dynadag.graph.canonical import decode, encode, register_reference
from pytest_dynadag.graph.given import RETURN_VALUE
from pytest_dynadag.location import Location


class _Unset:
    """No fill value: a zip stops at its shortest input."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET = _Unset()


@dataclass(frozen=True, slots=True)
class Output:
    """The output of a task, or one XCom *key* of it; it may also stand inside a literal or an argument."""

    task_id: str
    key: str = RETURN_VALUE

    def __str__(self) -> str:
        return self.task_id if self.key == RETURN_VALUE else f"{self.task_id}[{self.key!r}]"

    def to_dict(self) -> dict[str, Any]:
        """Give the reference as JSON."""
        return {"$output": self.task_id, "key": self.key}


@dataclass(frozen=True, slots=True)
class Argument:
    """What an enclosing mapped group hands to its tasks under *name*."""

    group_id: str
    name: str

    def __str__(self) -> str:
        return f"{self.group_id}({self.name})"

    def to_dict(self) -> dict[str, Any]:
        """Give the reference as JSON."""
        return {"$argument": self.group_id, "name": self.name}


@dataclass(frozen=True, slots=True)
class Literal:
    """A list, tuple or dict written in the DAG file; its elements may be outputs."""

    value: Any

    def __str__(self) -> str:
        return f"a literal of {len(self.value)}"

    def to_dict(self) -> dict[str, Any]:
        """Give the literal as JSON."""
        return {"$literal": encode(self.value)}


@dataclass(frozen=True, slots=True)
class Function:
    """A function passed to `.map()`: its name and place; the function itself only in the process that parsed it."""

    name: str
    location: Location | None = None
    call: Callable[[Any], Any] | None = field(default=None, compare=False, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Give name and place as JSON; the function itself stays behind."""
        return {"name": self.name, "location": self.location.to_dict() if self.location else None}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Function:
        """Read what `to_dict` wrote; the result cannot be called."""
        return cls(data["name"], Location.from_dict(data["location"]) if data["location"] else None)


@dataclass(frozen=True, slots=True)
class Map:
    """A source with `.map()` functions applied to each item, in order."""

    source: Source
    functions: tuple[Function, ...]

    def __str__(self) -> str:
        return f"{self.source}" + "".join(f".map({function.name})" for function in self.functions)

    def to_dict(self) -> dict[str, Any]:
        """Give the source and the functions' names as JSON."""
        return {"$map": self.source.to_dict(), "functions": [f.to_dict() for f in self.functions]}


@dataclass(frozen=True, slots=True)
class Zip:
    """Sources side by side: as long as the shortest, or as the longest with a *fillvalue*."""

    sources: tuple[Source, ...]
    fillvalue: Any = UNSET

    def __str__(self) -> str:
        first, *rest = map(str, self.sources)
        fill = "" if self.fillvalue is UNSET else f", fillvalue={self.fillvalue!r}"
        return f"{first}.zip({', '.join(rest)}{fill})"

    def to_dict(self) -> dict[str, Any]:
        """Give the sources, and the fill value if there is one, as JSON."""
        data: dict[str, Any] = {"$zip": [source.to_dict() for source in self.sources]}
        return data if self.fillvalue is UNSET else {**data, "fillvalue": encode(self.fillvalue)}


@dataclass(frozen=True, slots=True)
class Concat:
    """Sources one after the other."""

    sources: tuple[Source, ...]

    def __str__(self) -> str:
        first, *rest = map(str, self.sources)
        return f"{first}.concat({', '.join(rest)})"

    def to_dict(self) -> dict[str, Any]:
        """Give the sources as JSON."""
        return {"$concat": [source.to_dict() for source in self.sources]}


Source: TypeAlias = "Literal | Output | Map | Zip | Concat | Argument"


@dataclass(frozen=True, slots=True)
class Product:
    """`expand(**arguments)`: every combination, the last argument varying fastest, in the order of the call."""

    arguments: tuple[tuple[str, Source], ...]

    def __str__(self) -> str:
        return ", ".join(f"{name}={source}" for name, source in self.arguments)

    @property
    def sources(self) -> tuple[Source, ...]:
        """The sources, in the order of the call."""
        return tuple(source for _, source in self.arguments)

    def to_dict(self) -> dict[str, Any]:
        """Give the arguments as JSON, in their order."""
        return {"expand": [[name, source.to_dict()] for name, source in self.arguments]}


@dataclass(frozen=True, slots=True)
class Rows:
    """`expand_kwargs(source)`: one instance per dict, each with keys of its own."""

    source: Source

    def __str__(self) -> str:
        return f"rows of {self.source}"

    @property
    def sources(self) -> tuple[Source, ...]:
        """The one source."""
        return (self.source,)

    def to_dict(self) -> dict[str, Any]:
        """Give the source as JSON."""
        return {"expand_kwargs": self.source.to_dict()}


MappingForm: TypeAlias = "Product | Rows"


def iterate_references(value: Any) -> Iterator[Output | Argument]:
    """Give every output and group argument that *value* mentions: a source, a mapping form, or plain data."""
    if isinstance(value, (Output, Argument)):
        yield value
    elif isinstance(value, Literal):
        yield from iterate_references(value.value)
    elif isinstance(value, (Map, Rows)):
        yield from iterate_references(value.source)
    elif isinstance(value, (Zip, Concat, Product)):
        yield from iterate_references(value.sources)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from iterate_references(item)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from iterate_references(item)


def iterate_dependencies(mapping: MappingForm | None) -> Iterator[Output]:
    """
    Give the outputs that a mapping waits for: they decide its length, or are whole rows of a literal.

    Outputs deeper inside a literal are resolved when an instance runs, and may be anything.
    Source: `iter_references` of the expand inputs (models/expandinput.py).
    """
    if isinstance(mapping, Rows) and isinstance(mapping.source, Literal):
        parts: Any = [row for row in mapping.source.value if not isinstance(row, Mapping)]
    else:
        parts = [source for source in (mapping.sources if mapping else ()) if not isinstance(source, Literal)]
    yield from (reference for reference in iterate_references(parts) if isinstance(reference, Output))


def iterate_functions(source: Any) -> Iterator[Function]:
    """Give every function that a source or a mapping form applies to its items."""
    if isinstance(source, Map):
        yield from source.functions
        yield from iterate_functions(source.source)
    elif isinstance(source, (Zip, Concat, Product, Rows)):
        for part in source.sources:
            yield from iterate_functions(part)


def read_source(data: dict[str, Any]) -> Source:
    """Read a source from the JSON that its `to_dict` wrote."""
    source = decode(data)
    if not isinstance(source, (Literal, Output, Map, Zip, Concat, Argument)):
        raise ValueError(f"not a mapping source: {data!r}")
    return source


def read_mapping(data: dict[str, Any] | None) -> MappingForm | None:
    """Read a mapping form from the JSON that its `to_dict` wrote."""
    if data is None:
        return None
    if "expand" in data:
        return Product(tuple((name, read_source(source)) for name, source in data["expand"]))
    return Rows(read_source(data["expand_kwargs"]))


def _read_zip(data: dict[str, Any]) -> Zip:
    sources = tuple(read_source(source) for source in data["$zip"])
    return Zip(sources, decode(data["fillvalue"])) if "fillvalue" in data else Zip(sources)


register_reference("$output", lambda data: Output(data["$output"], data["key"]))
register_reference("$argument", lambda data: Argument(data["$argument"], data["name"]))
register_reference("$literal", lambda data: Literal(decode(data["$literal"])))
register_reference(
    "$map", lambda data: Map(read_source(data["$map"]), tuple(map(Function.from_dict, data["functions"])))
)
register_reference("$zip", _read_zip)
register_reference("$concat", lambda data: Concat(tuple(read_source(s) for s in data["$concat"])))
