"""The DAGs that a DAG triggers while it runs."""

from __future__ import annotations

from typing import Any


def find_callees(dag: Any) -> tuple[str, ...]:
    """
    Give the dag_ids that tasks of *dag* trigger, as far as they are written down and not made by a template.

    Source: `TriggerDagRunOperator.trigger_dag_id` (`airflow/operators/trigger_dagrun.py`, 2.11;
    `airflow/providers/standard/operators/trigger_dagrun.py`, 3.3).
    """
    named = (_find_target(task) for task in dag.task_dict.values())
    return tuple(dict.fromkeys(name for name in named if isinstance(name, str) and name != dag.dag_id))


def _find_target(task: Any) -> Any:
    kept = getattr(task, "partial_kwargs", None)  # of a mapped task
    return kept.get("trigger_dag_id") if kept is not None else getattr(task, "trigger_dag_id", None)
