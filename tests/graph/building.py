"""Small structures in few words, for the tests of the planner."""

from __future__ import annotations

from typing import Any

from pytest_dynadag.graph.expansion import Expansion
from pytest_dynadag.graph.given import Given
from pytest_dynadag.graph.planner import plan
from pytest_dynadag.graph.sources import (
    Literal,
    MappingForm,
    Output,
    Product,
    Rows,
    Source,
    iterate_references,
)
from pytest_dynadag.graph.structure import Group, Structure, Task
from pytest_dynadag.location import Location

FILE = "dags/sales.py"


def source(value: Any) -> Source:
    """Read a string as the output of that task, a list or dict as a literal."""
    if isinstance(value, str):
        return Output(value)
    return Literal(value) if isinstance(value, (list, tuple, dict)) else value


def over(**arguments: Any) -> Product:
    """Map over the product of *arguments*."""
    return Product(tuple((name, source(value)) for name, value in arguments.items()))


def rows(value: Any) -> Rows:
    """Map over one dict per instance."""
    return Rows(source(value))


def task(
    task_id: str, mapping: MappingForm | None = None, *, after: str = "", line: int = 0, **options: Any
) -> Task:
    """Make a task that waits for the tasks in *after*, and for those that it is mapped over."""
    sources = {r.task_id for r in iterate_references(mapping) if isinstance(r, Output)}
    group = task_id.rpartition(".")[0] or None
    return Task(
        task_id=task_id,
        mapping=mapping,
        upstream=tuple(sorted({*after.split(), *sources})),
        group_id=options.pop("group_id", group),
        location=Location(FILE, line) if line else None,
        **options,
    )


def dag(*parts: Task | Group, version: str = "3.3.2") -> Structure:
    """Make a DAG of tasks and groups, as a version of Airflow parsed it."""
    tasks = tuple(part for part in parts if isinstance(part, Task))
    groups = tuple(part for part in parts if isinstance(part, Group))
    return Structure("sales", tasks, groups, airflow_version=version)


def planned(
    structure: Structure, given: Any = None, states: Any = None, *, strict: bool = True, **options: Any
) -> Expansion:
    """Plan for outputs and states written as a test writes them."""
    return plan(structure, Given.of(given, states, **options), strict=strict)


def inputs_of(expansion: Expansion, task_id: str = "load") -> list[Any]:
    """Give the inputs of a task's instances."""
    return [dict(inputs) for inputs in expansion[task_id].inputs]
