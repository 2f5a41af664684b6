"""The shape of a DAG object: remembered before a run, put back afterwards."""

from __future__ import annotations

import copy
from typing import Any

_SETS = ("upstream_task_ids", "downstream_task_ids", "upstream_group_ids", "downstream_group_ids")


class DagShape:
    """
    The tasks, groups and dependencies of a DAG object, as they were when this was made.

    A task that changes them changes the object of the process it runs in, which a real worker throws away.
    """

    def __init__(self, dag: Any) -> None:
        containers: list[Any] = [dag.task_dict, dag.edge_info, dag.task_group.used_group_ids]
        waiting = [dag.task_group]
        while waiting:
            node = waiting.pop()
            containers.extend(getattr(node, name) for name in _SETS if hasattr(node, name))
            if (children := getattr(node, "children", None)) is not None:
                containers.append(children)
                waiting.extend(children.values())
        self._kept = [(container, _copy(container)) for container in containers]

    def restore(self) -> None:
        """Put back what has changed; the containers stay the same objects."""
        for container, before in self._kept:
            if container != before:
                container.clear()
                container.update(_copy(before))


def _copy(container: Any) -> Any:
    """Copy a set, or a dict and the dicts in it: who labels an edge changes an inner one."""
    if isinstance(container, dict):
        return {name: dict(each) if isinstance(each, dict) else each for name, each in container.items()}
    return copy.copy(container)


def refer_to(task: Any) -> str:
    """Write how a DAG file refers to what a task returns: `list_names()` or `list_names.output`."""
    partial = getattr(task, "partial_kwargs", {})
    function = getattr(task, "python_callable", None) or partial.get("python_callable")
    kind = getattr(task, "operator_class", type(task))
    if function is not None and any(base.__name__ == "DecoratedOperator" for base in kind.__mro__):
        called = getattr(task, "op_args", ()) or getattr(task, "op_kwargs", {}) or partial
        return f"{function.__name__}({'...' if called else ''})"
    return f"{task.task_id.rsplit('.', 1)[-1]}.output"
