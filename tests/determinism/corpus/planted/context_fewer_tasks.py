"""A worker builds fewer tasks."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task

try:
    from airflow.sdk import get_parsing_context
except ImportError:
    from airflow.utils.dag_parsing_context import get_parsing_context


@task
def load(**values):
    print(values)


asked = get_parsing_context().dag_id  # expect: DYN108

with DAG("context_fewer_tasks", start_date=datetime(2024, 1, 1), schedule=None):
    load()
    if asked is None:
        load.override(task_id="only_for_the_scheduler")()
