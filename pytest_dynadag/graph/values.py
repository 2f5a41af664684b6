"""What a mapping gives each index: lengths as the scheduler counts them, items as the worker takes them."""

# Source: expandinput.py and xcom_arg.py (2.11.2; task SDK 1.3.2). Airflow counts and takes in different places,
# and so do we: `count_items` is the scheduler's answer, `take` the worker's, and where they disagree an index fails.

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_dynadag.graph.canonical import Opaque
from pytest_dynadag.graph.expansion import UNKNOWN, Unknown
from pytest_dynadag.graph.sources import (
    UNSET,
    Argument,
    Concat,
    Literal,
    Map,
    MappingForm,
    Output,
    Rows,
    Source,
    Zip,
)

Lookup = Callable[[Output], Any]
"""Gives what a task's output is to a mapping: a list, tuple or dict, or UNKNOWN."""


NOTSET = Opaque("object", "ArgNotSet", "NOTSET")
"""What `.zip()` without a fill value gives for an item that it does not find: Airflow's own placeholder."""


class IndexSkipped(Exception):  # noqa: N818  (a decision of the DAG, not an error)
    """A function passed to `.map()` skipped this index."""


class IndexFailed(Exception):  # noqa: N818  (what the worker meets, not an error of ours)
    """The inputs of this index cannot be had; the text is the error that Airflow's worker meets."""


def count_items(source: Source, lookup: Lookup) -> int | Unknown:
    """
    Give the length of *source* as the scheduler counts it.

    A `.map()` has the length of its input, a zip that of its shortest (with a fill value its longest) part,
    a concat the sum.
    """
    if isinstance(source, Literal):
        return len(source.value)
    if isinstance(source, Output):
        value = lookup(source)
        return UNKNOWN if value is UNKNOWN else len(value)
    if isinstance(source, Map):
        return count_items(source.source, lookup)
    if isinstance(source, (Zip, Concat)):
        lengths = [count_items(part, lookup) for part in source.sources]
        known = [length for length in lengths if not isinstance(length, Unknown)]
        return UNKNOWN if len(known) < len(lengths) else _combine(source, known)
    return UNKNOWN


def _combine(source: Zip | Concat, lengths: Sequence[int]) -> int:
    if isinstance(source, Concat):
        return sum(lengths)
    return min(lengths) if source.fillvalue is UNSET else max(lengths)


def count_instances(mapping: MappingForm, lookup: Lookup) -> int | Unknown:
    """Give how many instances *mapping* makes: the product of its arguments, or the number of its rows."""
    lengths = [count_items(source, lookup) for source in mapping.sources]
    known = [length for length in lengths if not isinstance(length, Unknown)]
    return UNKNOWN if len(known) < len(lengths) else math.prod(known) if lengths else 0


@dataclass(frozen=True, slots=True)
class Table:
    """
    What one mapping gives each index.

    *columns* are (argument name, items, length as the worker takes it), in the order of the call; for
    `expand_kwargs` there is one column without a name.
    """

    columns: tuple[tuple[str | None, Any, int], ...]
    resolve: Callable[[Any], Any]

    def row(self, index: int) -> dict[str, Any]:
        """
        Give the arguments of one index.

        Raises:
            IndexSkipped: A `.map()` function skipped it.
            IndexFailed: Airflow's worker would fail to resolve it.
        """
        if self.columns and self.columns[0][0] is None:
            return self._mapping(index)
        arguments: dict[str, Any] = {}
        for name, items, length in reversed(self.columns):
            if length < 1:
                raise IndexFailed(f"RuntimeError: cannot expand field mapped to length {length!r}")
            index, position = divmod(index, length)
            arguments[str(name)] = self.resolve(pick(items, position))
        return dict(reversed(arguments.items()))

    def _mapping(self, index: int) -> dict[str, Any]:
        items = self.columns[0][1]
        if items is UNKNOWN:
            return {}
        if isinstance(items, Mapping):
            raise IndexFailed("ValueError: expand_kwargs() expects a list[dict], not dict")
        row = self.resolve(pick(items, index))
        if row is UNKNOWN or isinstance(row, Opaque):
            return {}
        if not isinstance(row, Mapping):
            raise IndexFailed(
                f"ValueError: expand_kwargs() expects a list[dict], not list[{_type_name(row)}]"
            )
        if wrong := [key for key in row if not isinstance(key, str)]:
            raise IndexFailed(
                f"ValueError: expand_kwargs() input dict keys must all be str, but {wrong[0]!r} is not"
            )
        return {key: self.resolve(value) for key, value in row.items()}


def tabulate(mapping: MappingForm, lookup: Lookup, *, concat_counts_whole: bool = False) -> Table:
    """
    Resolve *mapping* once, so that the arguments of any index cost no more than that index.

    Args:
        mapping: What a task or group is mapped over.
        lookup: Gives the outputs it refers to.
        concat_counts_whole: See `Behaviour`.
    """
    resolve = _resolver(lookup)
    if isinstance(mapping, Rows):
        return Table(((None, take(mapping.source, lookup), 0),), resolve)
    columns = []
    for name, source in mapping.arguments:
        items = take(source, lookup)
        times = _times_counted(source) if concat_counts_whole else 1
        length = count_items(source, lookup) if items is UNKNOWN else len(items) * times
        columns.append((name, items, 1 if isinstance(length, Unknown) else length))
    return Table(tuple(columns), resolve)


def _times_counted(source: Source) -> int:
    """How often the SDK's get_task_map_length adds up the whole length of a source (xcom_arg.py:594-633)."""
    if isinstance(source, Map):
        return _times_counted(source.source)
    if isinstance(source, (Zip, Concat)):
        return _combine(source, [_times_counted(part) for part in source.sources])
    return 1


def find_dict_by_position(source: Source, lookup: Lookup) -> str | None:
    """Say whether *source* applies `.map()` or `.zip()` to a dict, which both look up by position, in vain."""
    if isinstance(source, Map):
        inner = isinstance(take(source.source, lookup), Mapping)
        return ".map()" if inner else find_dict_by_position(source.source, lookup)
    if isinstance(source, Zip) and any(isinstance(take(part, lookup), Mapping) for part in source.sources):
        return ".zip()"
    parts = source.sources if isinstance(source, (Zip, Concat)) else ()
    found = (find_dict_by_position(part, lookup) for part in parts)
    return next((method for method in found if method), None)


def take(source: Source, lookup: Lookup) -> Any:
    """Give the items of *source* as the worker sees them: a list, tuple, dict or one of the views below."""
    if isinstance(source, Literal):
        return source.value
    if isinstance(source, Output):
        return lookup(source)
    if isinstance(source, Argument):
        return UNKNOWN
    if isinstance(source, Map):
        items = take(source.source, lookup)
        return items if items is UNKNOWN else MapView(items, tuple(f.call for f in source.functions))
    parts = [take(part, lookup) for part in source.sources]
    if any(part is UNKNOWN for part in parts):
        return UNKNOWN
    return ConcatView(parts) if isinstance(source, Concat) else ZipView(parts, source.fillvalue)


def pick(items: Any, position: int) -> Any:
    """
    Give one item as `expand` hands it over; a dict gives a (key, value) tuple.

    Raises:
        IndexSkipped, IndexFailed: See `Table.row`.
    """
    if items is UNKNOWN:
        return UNKNOWN
    try:
        if isinstance(items, Mapping):
            return next(itertools.islice(items.items(), position, None))
        return items[position]
    except StopIteration:
        raise IndexFailed(f"IndexError: index {position} is over mapped length") from None
    except (IndexSkipped, IndexFailed):
        raise
    except Exception as error:
        raise IndexFailed(f"{type(error).__name__}: {error}") from error


@dataclass(frozen=True, slots=True)
class MapView(Sequence[Any]):
    """`.map()`: looks its input up by position, a dict too, which fails as it does in Airflow."""

    items: Any
    functions: tuple[Callable[[Any], Any] | None, ...]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: Any) -> Any:
        value = self.items[index]
        for function in self.functions:
            if function is None or value is UNKNOWN:
                return UNKNOWN
            value = _apply(function, value)
        return value


def _apply(function: Callable[[Any], Any], value: Any) -> Any:
    try:
        return function(value)
    except Exception as error:
        if any(kind.__name__ == "AirflowSkipException" for kind in type(error).__mro__):
            raise IndexSkipped(str(error)) from error
        raise


@dataclass(frozen=True, slots=True)
class ZipView(Sequence[Any]):
    """`.zip()`: tuples of the items side by side."""

    parts: list[Any]
    fillvalue: Any

    def __len__(self) -> int:
        lengths = [len(part) for part in self.parts]
        return min(lengths) if self.fillvalue is UNSET else max(lengths)

    def __getitem__(self, index: Any) -> Any:
        if index >= len(self):
            raise IndexError(index)
        return tuple(self._item(part, index) for part in self.parts)

    def _item(self, part: Any, index: int) -> Any:
        try:
            return part[index]
        except (IndexError, KeyError):
            return NOTSET if self.fillvalue is UNSET else self.fillvalue


@dataclass(frozen=True, slots=True)
class ConcatView(Sequence[Any]):
    """`.concat()`: the items of one part after those of the other; of a dict, its keys."""

    parts: list[Any]

    def __len__(self) -> int:
        return sum(len(part) for part in self.parts)

    def __getitem__(self, index: Any) -> Any:
        for part in self.parts:
            if index < len(part):
                return list(part)[index] if isinstance(part, Mapping) else part[index]
            index -= len(part)
        raise IndexError("list index out of range")


def _resolver(lookup: Lookup) -> Callable[[Any], Any]:
    """Give a function that replaces outputs inside a literal's item by their values."""

    def resolve(value: Any) -> Any:
        """Replace the outputs in a value, however deep they stand."""
        if isinstance(value, Output):
            return lookup(value)
        if isinstance(value, (list, tuple)) and _mentions_output(value):
            return type(value)(resolve(item) for item in value)
        if isinstance(value, dict) and _mentions_output(value.values()):
            return {key: resolve(item) for key, item in value.items()}
        return value

    return resolve


def _mentions_output(items: Any) -> bool:
    return any(isinstance(leaf, Output) for leaf in _leaves(items))


def _leaves(items: Any) -> Iterator[Any]:
    for item in items:
        if isinstance(item, dict):
            yield from _leaves(item.values())
        elif isinstance(item, (list, tuple)):
            yield from _leaves(item)
        else:
            yield item


def _type_name(value: Any) -> str:
    return "None" if value is None else type(value).__name__
