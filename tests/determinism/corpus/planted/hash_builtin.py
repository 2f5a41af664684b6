"""The built-in hash() in a task id."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


with DAG("hash_builtin", start_date=datetime(2024, 1, 1), schedule=None):
    load.override(task_id=f"load_{hash('sales') % 1000}")()  # expect: DYN102
