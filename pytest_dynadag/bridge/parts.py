"""A part of a DAG: an object of its own that has only some of the tasks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def take_part(dag: Any, task_ids: Iterable[str]) -> Any:
    """
    Call `DAG.partial_subset`, and mend what its copying breaks: a mark that is told by its identity.

    Source: a decorated task that is mapped holds `EXPAND_INPUT_EMPTY` itself as its `expand_input` (Airflow 3.3,
    `airflow/sdk/bases/decorator.py`; 2.11, `airflow/decorators/base.py`), and a deep copy holds another one.
    """
    part = dag.partial_subset(sorted(task_ids), include_upstream=False)
    for task_id, task in part.task_dict.items():
        if hasattr(task, "op_kwargs_expand_input"):
            task.expand_input = dag.task_dict[task_id].expand_input
    return part
