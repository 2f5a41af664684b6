"""A worker gets the DAG it asks for, and no other."""

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


asked = get_parsing_context().dag_id

for number in range(3):
    name = f"context_skips_others_{number}"
    if asked is None or asked == name:
        with DAG(name, start_date=datetime(2024, 1, 1), schedule=None):
            load(number=number)
