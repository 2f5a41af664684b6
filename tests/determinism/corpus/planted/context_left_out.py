"""Of two DAGs a worker gets the wrong one."""

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

for number in range(2):
    name = f"context_left_out_{number}"
    if asked is None or asked != name:
        with DAG(name, start_date=datetime(2024, 1, 1), schedule=None):
            load()
