"""From Airflow's DAG objects to structures: the only reader of operators, groups and expand inputs."""

# The author's side of both families has the same shapes (models/ in 2.x, sdk/definitions/ in 3.x); classes are told
# apart by name, so that no version's module needs to be imported here.

# ruff: noqa: SLF001 - expand inputs keep what we need in private attributes, in every version

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_dynadag.bridge.home import airflow_version
from pytest_dynadag.bridge.lines import lines_of
from pytest_dynadag.graph.canonical import Opaque
from pytest_dynadag.graph.sources import (
    UNSET,
    Argument,
    Concat,
    Function,
    Literal,
    Map,
    MappingForm,
    Output,
    Product,
    Rows,
    Source,
    Zip,
)
from pytest_dynadag.graph.structure import Group, Structure, Task
from pytest_dynadag.location import Location

# What a task is made with apart from what the structure holds in fields of its own.
_IN_OWN_FIELDS = frozenset(
    [
        "task_id",
        "dag",
        "task_group",
        "default_args",
        "trigger_rule",
        "retries",
        "map_index_template",
        "do_xcom_push",
        "start_date",
        "end_date",
        "params",
        "multiple_outputs",
    ]
)
_DEEPEST = 40
_BRANCHES = {"BaseBranchOperator", "BranchMixIn", "BaseBranchMixin"}
_SETTINGS = [
    "description",
    "start_date",
    "end_date",
    "catchup",
    "max_active_runs",
    "max_active_tasks",
    "default_args",
    "tags",
    "doc_md",
    "owner_links",
    "render_template_as_native_obj",
    "fail_fast",
    "fail_stop",
    "dagrun_timeout",
    "is_paused_upon_creation",
]


def structure_of(dag: Any) -> Structure:
    """
    Read an Airflow DAG object.

    Args:
        dag: A DAG as an author holds it (from a DAG file, or built in a test), not a serialized one.
    """
    places = lines_of(dag)
    groups = {key: group for key, group in dag.task_group.get_task_group_dict().items() if not group.is_root}
    mapped = {key: group for key, group in groups.items() if _is(group, "MappedTaskGroup")}
    read = _Reader({id(group._expand_input): key for key, group in mapped.items()})
    own_file = getattr(dag, "fileloc", None)
    return Structure(
        dag_id=dag.dag_id,
        tasks=tuple(_read_task(read, task, places.get(task.task_id)) for task in dag.task_dict.values()),
        groups=tuple(_read_group(read, group, places.get(key)) for key, group in groups.items()),
        location=Location(own_file, _first_line(dag, places)) if own_file else None,
        airflow_version=airflow_version(),
        settings=_read_settings(read, dag),
    )


def _first_line(dag: Any, places: Mapping[str, Location]) -> int:
    return min((place.line for place in places.values() if place.file == dag.fileloc), default=1)


def _read_task(read: _Reader, task: Any, place: Location | None) -> Task:
    mapped = _is(task, "MappedOperator")
    made_with = _made_with(task, mapped=mapped)
    own = task.operator_class if mapped else type(task)
    return Task(
        task_id=task.task_id,
        operator=str(getattr(task, "operator_name", None) or own.__name__),
        location=place or _place_of_callable(made_with.get("python_callable")),
        group_id=_group_id(task),
        mapping=read.mapping(task._get_specified_expand_input()) if mapped else None,
        upstream=tuple(sorted(task.upstream_task_ids)),
        trigger_rule=_plain_enum(task.trigger_rule),
        retries=_read_retries(task),
        map_index_template=task.map_index_template,
        arguments={name: read.value(made_with[name]) for name in sorted(set(made_with) - _IN_OWN_FIELDS)},
        pushes_output=bool(made_with.get("do_xcom_push", getattr(task, "do_xcom_push", True))),
        multiple_outputs=bool(made_with.get("multiple_outputs", getattr(task, "multiple_outputs", False))),
        skips=_read_skips(own, made_with),
        is_setup=bool(task.is_setup),
        is_teardown=bool(task.is_teardown),
        fails_run=bool(getattr(task, "on_failure_fail_dagrun", False)),
    )


def _read_retries(task: Any) -> int:
    return int(task.retries or 0)


def _made_with(task: Any, *, mapped: bool) -> dict[str, Any]:
    """Give the arguments that the author made the task with; those it is mapped over stand in its mapping."""
    if mapped:
        return dict(task.partial_kwargs)
    return dict(getattr(task, "_BaseOperator__init_kwargs", {}))


def _read_skips(operator_class: type, made_with: Mapping[str, Any]) -> str | None:
    names = {kind.__name__ for kind in operator_class.__mro__}
    if names & _BRANCHES:
        return "branch"
    if "ShortCircuitOperator" in names:
        everything = made_with.get("ignore_downstream_trigger_rules", True)
        return "short_circuit" if everything else "short_circuit_direct"
    return None


def _group_id(task: Any) -> str | None:
    group = getattr(task, "task_group", None)
    return group.group_id if group is not None and not group.is_root else None


def _read_group(read: _Reader, group: Any, place: Location | None) -> Group:
    mapping = read.mapping(group._expand_input) if _is(group, "MappedTaskGroup") else None
    return Group(group.group_id, _parent_id(group), mapping, place)


def _parent_id(group: Any) -> str | None:
    parent = group.parent_group
    return None if parent is None or parent.is_root else parent.group_id


# -- mapping ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Reader:
    """
    Reads values of one DAG.

    *owners* leads from a mapped group's expand input to the group's id: the argument that such a group hands to
    its tasks knows only the expand input.
    """

    owners: Mapping[int, str]

    def mapping(self, expand_input: Any) -> MappingForm:
        if _is(expand_input, "ListOfDictsExpandInput"):
            return Rows(self.source(expand_input.value))
        return Product(tuple((name, self.source(value)) for name, value in expand_input.value.items()))

    def source(self, value: Any) -> Source:
        return self._reference(value) or Literal(self.value(value))

    def _reference(self, value: Any) -> Source | None:
        if _is(value, "PlainXComArg"):
            return Output(value.operator.task_id, value.key)
        if _is(value, "MapXComArg"):
            return Map(self.source(value.arg), tuple(map(_read_function, value.callables)))
        if _is(value, "ZipXComArg"):
            return Zip(tuple(map(self.source, value.args)), _read_fill(value.fillvalue))
        if _is(value, "ConcatXComArg"):
            return Concat(tuple(map(self.source, value.args)))
        if _is(value, "MappedArgument"):
            return Argument(self.owners.get(id(value._input), ""), value._key)
        return None

    def value(self, value: Any, depth: int = 0) -> Any:
        """Give a value with references in place of XComArgs, and Airflow's own objects by name."""
        if isinstance(value, (str, int, float, bytes, type(None))) or depth > _DEEPEST:
            return value
        if type(value) is dict:
            return {key: self.value(item, depth + 1) for key, item in value.items()}
        if type(value) in (list, tuple, set, frozenset):
            return type(value)(self.value(item, depth + 1) for item in value)
        if (reference := self._reference(value)) is not None:
            return reference
        if _is(value, "DAG"):
            return Opaque("object", "DAG", value.dag_id)
        if hasattr(value, "task_id") and hasattr(value, "upstream_task_ids"):
            return Opaque("object", type(value).__name__, value.task_id)
        return value


def _read_fill(value: Any) -> Any:
    return UNSET if type(value).__name__ == "ArgNotSet" else value


def _read_function(function: Any) -> Function:
    if not callable(function):
        return Function(str(function))
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return Function(name.rpartition("<locals>.")[2], _place_of_callable(function), function)


# -- the rest ---------------------------------------------------------------------------------------


def _read_settings(read: _Reader, dag: Any) -> dict[str, Any]:
    settings = {name: getattr(dag, name) for name in _SETTINGS if getattr(dag, name, None) is not None}
    settings["tags"] = frozenset(settings.get("tags") or ())
    settings["params"] = dict(dag.params.dump())
    settings["timetable"] = f"{type(dag.timetable).__name__} {getattr(dag.timetable, 'summary', '')}".strip()
    return {name: read.value(value) for name, value in settings.items()}


def _place_of_callable(function: Any) -> Location | None:
    code = getattr(inspect.unwrap(function) if callable(function) else None, "__code__", None)
    return Location(code.co_filename, code.co_firstlineno) if code else None


def _plain_enum(value: Any) -> str:
    return str(getattr(value, "value", value))


def _is(value: Any, class_name: str) -> bool:
    return any(kind.__name__ == class_name for kind in type(value).__mro__)
