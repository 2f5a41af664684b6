"""Labels: the `map_index_template` of an instance, rendered from its inputs as far as they decide it."""

# Jinja comes with Airflow; Airflow itself is not needed. What a template asks for beyond the inputs (a key that the
# task sets while it runs, its result, a rendered template field) leaves the label unknown rather than wrong.

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

from pytest_dynadag.graph.canonical import Opaque
from pytest_dynadag.graph.expansion import UNKNOWN, Unknown
from pytest_dynadag.graph.planner import Labeller
from pytest_dynadag.graph.sources import Argument, Output
from pytest_dynadag.graph.structure import Task


def make_labeller(params: Mapping[str, Any] | None = None, conf: Mapping[str, Any] | None = None) -> Labeller:
    """
    Make the function that renders labels for the planner.

    Args:
        params: What `{{ params.x }}` gives.
        conf: What `{{ dag_run.conf["x"] }}` gives.
    """
    from jinja2 import StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    environment = SandboxedEnvironment(undefined=StrictUndefined, cache_size=50)
    shared = {"params": dict(params or {}), "dag_run": SimpleNamespace(conf=dict(conf or {}))}

    def label(task: Task, index: int | None, inputs: Mapping[str, Any]) -> str | Unknown | None:
        """Render the template of one instance; unknown where that takes more than its inputs."""
        if task.map_index_template is None:
            return None
        try:
            arguments = _arguments(task, inputs)
            ti = SimpleNamespace(task_id=task.task_id, map_index=index)
            operator = SimpleNamespace(task_id=task.task_id, **arguments)
            template = environment.from_string(task.map_index_template)
            return template.render(task=operator, ti=ti, task_instance=ti, **shared)
        except Exception:
            return UNKNOWN

    return label


def _arguments(task: Task, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Give the attributes that templates ask of a task, without those that only a run knows."""
    partial = {name: value for name, value in task.arguments.items() if name.isidentifier()}
    if not task.operator.startswith("@"):
        return _known({**partial, **(inputs if task.mapping else {})}, inputs)
    keywords = {**partial.pop("op_kwargs", {}), **(inputs if task.mapping else {})}
    return {**_known(partial, inputs), "op_kwargs": _known(keywords, inputs)}


def _known(arguments: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    resolved = {
        name: inputs.get(value.name, UNKNOWN) if isinstance(value, Argument) else value
        for name, value in arguments.items()
    }
    return {name: value for name, value in resolved.items() if not _needs_a_run(value)}


def _needs_a_run(value: Any) -> bool:
    return any(
        leaf is UNKNOWN
        or isinstance(leaf, (Output, Argument, Opaque))
        or (isinstance(leaf, str) and "{{" in leaf)
        for leaf in _leaves(value)
    )


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _leaves(item)
    else:
        yield value
