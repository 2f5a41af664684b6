"""What differs between two parses of a file: JSON pointers into what was compared, with both values."""

# Pure. Two DAGs are compared by meaning: tasks and groups by id, a task's upstreams and what Airflow keeps in no
# order as sets, dicts by key. Lists keep their order, and so does everything that is mapped over: it is the index.

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pytest_dynadag.generate.packing import unpack
from pytest_dynadag.secrecy import MASK, hide, is_secret

ABSENT = "$absent"
"""Stands for a value that one of the two does not have."""

_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}")
OTHER_HOME = "dynadag-home-"
"""How the link is called that stands in for another user's home; it lies somewhere else in every session."""
_IN_OTHER_HOME = re.compile(rf"/[^\s'\"]*/{OTHER_HOME}(\d+)")
WIDEST = 80


@dataclass(frozen=True, slots=True)
class Change:
    """
    One difference between two parses of a file.

    Attributes:
        dag_id: The DAG; None where it is about the file.
        pointer: A JSON pointer, such as `/dags/sales/tasks/load/mapping/region/0`.
        baseline, changed: Both values as JSON; `$absent` for none.
        order_only: Whether a list has the same elements in another order.
    """

    dag_id: str | None
    pointer: str
    baseline: Any
    changed: Any
    order_only: bool = False

    @property
    def is_address(self) -> bool:
        """Whether the values differ in nothing but memory addresses."""
        return _without_addresses(self.baseline) == _without_addresses(self.changed)

    @property
    def parts(self) -> tuple[str, ...]:
        """The pointer taken apart."""
        return split(self.pointer)


def compare(one: Mapping[str, Any], other: Mapping[str, Any], *, only: str | None = None) -> list[Change]:
    """
    Compare two parses of a file.

    Args:
        one: The baseline, as `parses.parse` gives it; its DAGs may be packed.
        other: The other one.
        only: Compare this DAG alone.
    """
    if one["failure"] != other["failure"]:
        return [Change(None, "/failure", _or_absent(one["failure"]), _or_absent(other["failure"]))]
    dag_ids = [only] if only else sorted({*one["dags"], *other["dags"]})
    return [change for dag_id in dag_ids for change in _compare_dags(dag_id, one["dags"], other["dags"])]


def whole_list(pointer: str) -> str:
    """Leave out the index at the end: which element of a list is the first to differ may vary."""
    head, _, last = pointer.rpartition("/")
    return head if last.isdigit() else pointer


def differ(one: Mapping[str, Any], other: Mapping[str, Any], *, only: str | None = None) -> bool:
    """Tell whether two parses of a file differ."""
    return bool(compare(one, other, only=only))


def view(dag: Mapping[str, Any]) -> dict[str, Any]:
    """Give what is compared of a DAG: its structure and traits without places, and with order where it means something."""
    structure, traits = dag["structure"], dag["traits"]
    settings = {**structure["settings"], **traits["settings"]}
    return {
        "settings": settings,
        "groups": {
            group["group_id"]: {
                "parent": group["parent"],
                "mapping": _view_mapping(group["mapping"]),
                "tooltip": traits["groups"].get(group["group_id"]),
            }
            for group in structure["groups"]
        },
        "tasks": {
            task["task_id"]: _view_task(task, traits["tasks"][task["task_id"]]) for task in structure["tasks"]
        },
    }


def _view_task(task: Mapping[str, Any], traits: Mapping[str, Any]) -> dict[str, Any]:
    plain = {
        name: value
        for name, value in task.items()
        if name not in {"task_id", "location", "mapping", "upstream", "arguments"}
    }
    return {
        **plain,
        "upstream": dict.fromkeys(task.get("upstream", ()), True),
        "mapping": _view_mapping(task.get("mapping")),
        "arguments": {
            name: value
            for name, value in {**traits["attributes"], **task.get("arguments", {})}.items()
            if name != "kwargs_to_upstream"  # TaskFlow's second copy of op_kwargs
        },
        "bound": traits["bound"],
    }


def _view_mapping(mapping: Mapping[str, Any] | None) -> Any:
    if mapping is None:
        return None
    if "expand" not in mapping:
        return {"expand_kwargs": _view_source(mapping["expand_kwargs"])}
    arguments = {name: _view_source(source) for name, source in mapping["expand"]}
    return {**arguments, "(order of arguments)": list(arguments)} if len(arguments) > 1 else arguments


def _view_source(source: Any) -> Any:
    """Keep the order of a dict that is mapped over, and leave out where functions stand."""
    if not isinstance(source, dict):
        return source
    if "$literal" in source:
        value = source["$literal"]
        is_plain_dict = isinstance(value, dict) and not any(key.startswith("$") for key in value)
        return [list(item) for item in value.items()] if is_plain_dict else value
    if "functions" in source:
        names = [function["name"] for function in source["functions"]]
        return {"$map": _view_source(source["$map"]), "functions": names}
    return {
        key: [_view_source(item) for item in value] if isinstance(value, list) else value
        for key, value in source.items()
    }


def _compare_dags(dag_id: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[Change]:
    pointer = f"/dags/{_escape(dag_id)}"
    if dag_id not in one or dag_id not in other:
        yield Change(dag_id, pointer, _presence(dag_id, one), _presence(dag_id, other))
        return
    here, there = one[dag_id], other[dag_id]
    if isinstance(here, str) and here == there:
        return  # packed, and the same: most are
    yield from _compare(dag_id, pointer, view(unpack(here)), view(unpack(there)))


def _compare(dag_id: str, pointer: str, one: Any, other: Any) -> Iterator[Change]:
    if _is_tagged(one) and _is_tagged(other) and one.keys() == other.keys():
        tag = next(iter(one))
        if tag in {"$tuple", "$literal", "$set"} and len(one) == 1:
            yield from _compare(dag_id, pointer, one[tag], other[tag])
        elif one != other:
            yield Change(dag_id, pointer, one, other)
        return
    if isinstance(one, dict) and isinstance(other, dict):
        for key in [*one, *(key for key in other if key not in one)]:
            below = f"{pointer}/{_escape(str(key))}"
            yield from _compare(dag_id, below, one.get(key, ABSENT), other.get(key, ABSENT))
    elif isinstance(one, list) and isinstance(other, list):
        yield from _compare_lists(dag_id, pointer, one, other)
    elif one != other or type(one) is not type(other):
        yield Change(dag_id, pointer, one, other)


def _compare_lists(dag_id: str, pointer: str, one: list[Any], other: list[Any]) -> Iterator[Change]:
    """Give the first element that differs: after it, everything may."""
    for index in range(max(len(one), len(other))):
        here = one[index] if index < len(one) else ABSENT
        there = other[index] if index < len(other) else ABSENT
        if here != there or type(here) is not type(there):
            same_elements = sorted(map(_dump, one)) == sorted(map(_dump, other))
            below = f"{pointer}/{index}"
            if isinstance(here, dict) and isinstance(there, dict) and not same_elements:
                yield from _compare(dag_id, below, here, there)
            else:
                yield Change(dag_id, below, here, there, same_elements)
            return


def show(value: Any) -> str:
    """Write a value in one line of bearable length; of a longer one, the beginning and how long it is."""
    if value == ABSENT:
        return "nothing"
    text = repr(_plain(value))
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 20]}... ({len(text)} characters)"


def _plain(value: Any) -> Any:
    """Give a tagged value as it would be written."""
    if _is_tagged(value):
        tag, inner = next(iter(value.items()))
        if tag == "$tuple":
            return tuple(map(_plain, inner))
        if tag in _BARE and not isinstance(inner, (dict, list)):
            return _Bare(str(inner))
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


class _Bare(str):
    """Text that is shown without quotes: a date, an interval, the name of a function."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


_BARE = frozenset(
    ["$datetime", "$date", "$time", "$timedelta", "$callable", "$uuid", "$path", "$decimal", "$enum"]
)


def _is_tagged(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and next(iter(value)).startswith("$")


def _without_addresses(value: Any) -> str:
    return _ADDRESS.sub("", _dump(value))


def mask(change: Change) -> Change:
    """Hide what a name or an address marks as secret."""
    baseline, changed = (mask_value(change.pointer, value) for value in (change.baseline, change.changed))
    return replace(change, baseline=baseline, changed=changed)


def mask_value(pointer: str, value: Any) -> Any:
    """Hide what is secret in what stands at a JSON *pointer*; ids of DAGs and tasks make nothing secret."""
    parts = split(pointer)
    return _mask(parts[4 if "tasks" in parts[2:3] else 2 :], value)


def split(pointer: str) -> tuple[str, ...]:
    """Take a JSON pointer apart."""
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])


def _mask(names: Iterable[str], value: Any) -> Any:
    if any(map(is_secret, names)) and value != ABSENT:
        return MASK
    if isinstance(value, str):
        return _IN_OTHER_HOME.sub(r"/home/user-\1", hide(value))
    if isinstance(value, dict):
        return {key: _mask([key], item) for key, item in value.items()}
    return [_mask((), item) for item in value] if isinstance(value, list) else value


def _dump(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _presence(dag_id: str, dags: Mapping[str, Any]) -> str:
    return "a DAG" if dag_id in dags else ABSENT


def _or_absent(value: Any) -> Any:
    return ABSENT if value is None else value


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
