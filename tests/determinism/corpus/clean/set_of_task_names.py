"""The order in which tasks are made means nothing."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


with DAG("set_of_task_names", start_date=datetime(2024, 1, 1), schedule=None):
    for name in {"eu", "us", "apac"}:
        load.override(task_id=f"load_{name}")()
