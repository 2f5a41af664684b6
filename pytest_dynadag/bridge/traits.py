"""What two parses of a DAG may disagree on besides its structure: schedule, callbacks, attributes, bound values."""

from __future__ import annotations

import datetime as dt
import enum
import functools
import pathlib
import types
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from pytest_dynadag.graph.canonical import encode
from pytest_dynadag.graph.sources import iterate_functions
from pytest_dynadag.graph.structure import Structure

_DAG_TRAITS = (
    "schedule",
    "schedule_interval",
    "dataset_triggers",
    "on_success_callback",
    "on_failure_callback",
    "sla_miss_callback",
    "template_searchpath",
    "user_defined_macros",
    "user_defined_filters",
    "jinja_environment_kwargs",
    "access_control",
    "dag_display_name",
    "max_consecutive_failed_dag_runs",
    "deadline",
)
_TASK_TRAITS = ("start_date", "end_date", "params")
# Airflow's own bookkeeping, which has no order, or what the structure holds already.
_NOT_COMPARED = frozenset(
    [
        "task_id",
        "label",
        "upstream_task_ids",
        "downstream_task_ids",
        "template_fields",
        "template_ext",
        "template_fields_renderers",
        "operator_extra_links",
        "retries",
        "trigger_rule",
        "map_index_template",
        "multiple_outputs",
        "do_xcom_push",
        "is_setup",
        "is_teardown",
        "on_failure_fail_dagrun",
        "start_from_trigger",
        *_TASK_TRAITS,
    ]
)
_SCALARS = (
    str,
    int,
    float,
    bytes,
    type(None),
    dt.date,
    dt.time,
    dt.timedelta,
    enum.Enum,
    uuid.UUID,
    pathlib.PurePath,
)
_DEEPEST = 8


def read_traits(dag: Any, structure: Structure) -> dict[str, Any]:
    """
    Read, as JSON, what is not in the structure of *dag* and still makes two DAGs different ones.

    Returns:
        `settings` of the DAG, and by task id `attributes` that its operator computed, and values that are `bound`
        to its callables (defaults, closures, `functools.partial`), which Airflow's own serialisation does not see.
    """
    return {
        "settings": _read_settings(dag),
        "groups": {
            group_id: str(group.tooltip)
            for group_id, group in dag.task_group.get_task_group_dict().items()
            if group_id and getattr(group, "tooltip", "")
        },
        "tasks": {
            task.task_id: {
                "attributes": _read_attributes(dag.task_dict[task.task_id], task.arguments),
                "bound": encode(dict(_read_bound(task.arguments, task.mapping))),
            }
            for task in structure.tasks
        },
    }


def _read_settings(dag: Any) -> dict[str, Any]:
    found = {name: getattr(dag, name, None) for name in _DAG_TRAITS}
    settings = {name: encode(value) for name, value in found.items() if value is not None}
    with suppress(Exception):  # some timetables cannot be serialised without a database
        settings["timetable_fields"] = encode(dag.timetable.serialize())
    return settings


def _read_attributes(task: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    made_with = getattr(task, "partial_kwargs", {})
    own = {name: getattr(task, name, None) for name in _TASK_TRAITS if name not in made_with}
    found = {**{name: made_with[name] for name in _TASK_TRAITS if name in made_with}, **own}
    if params := found.pop("params", None):
        found["params"] = dict(params.dump()) if hasattr(params, "dump") else params
    found.update((name, value) for name, value in _iterate_own(task) if name not in arguments)
    return {name: encode(value) for name, value in sorted(found.items()) if value is not None}


def _iterate_own(task: Any) -> Iterator[tuple[str, Any]]:
    """Give the attributes of an operator that are plain data; a mapped one has no operator yet."""
    if hasattr(task, "partial_kwargs"):
        return
    for name, value in vars(task).items():
        plain = name.lstrip("_")
        private = name.startswith(("_BaseOperator__", "__"))
        if not private and plain not in _NOT_COMPARED and is_plain(value):
            yield plain, value


def is_plain(value: Any, depth: int = 0) -> bool:
    """Tell whether *value* is data whose canonical form says all there is to it."""
    if isinstance(value, _SCALARS):
        return True
    if depth > _DEEPEST:
        return False
    if type(value) in (list, tuple, set, frozenset):
        return all(is_plain(item, depth + 1) for item in value)
    if type(value) is dict:
        return all(is_plain(key, depth + 1) and is_plain(item, depth + 1) for key, item in value.items())
    return False


def _read_bound(arguments: Mapping[str, Any], mapping: Any) -> Iterator[tuple[str, Any]]:
    for name, value in arguments.items():
        if callable(value) and (bound := bound_values(value)):
            yield name, bound
    for position, function in enumerate(iterate_functions(mapping)):
        if function.call is not None and (bound := bound_values(function.call)):
            yield f"map {position}", bound


def bound_values(function: Any) -> dict[str, Any]:
    """Give the plain values that a callable carries with it: of two lambdas that look alike, what tells them apart."""
    if isinstance(function, functools.partial):
        inner = bound_values(function.func)
        values = {**inner, **{str(n): value for n, value in enumerate(function.args)}, **function.keywords}
        return {name: value for name, value in values.items() if is_plain(value)}
    if isinstance(function, types.MethodType):
        return bound_values(function.__func__)
    function = getattr(function, "__wrapped__", function)
    if not isinstance(function, types.FunctionType):
        return {}
    return {name: value for name, value in _iterate_bound(function) if is_plain(value)}


def _iterate_bound(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    code = function.__code__
    defaults = function.__defaults__ or ()
    names = code.co_varnames[: code.co_argcount]
    yield from zip(names[len(names) - len(defaults) :], defaults, strict=True)
    yield from (function.__kwdefaults__ or {}).items()
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        with suppress(ValueError):  # a variable that has no value yet
            yield name, cell.cell_contents
