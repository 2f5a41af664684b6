"""The time inside a task."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load():
    """Look at the clock while the task runs."""
    print(datetime.now())


with DAG("clock_in_task", start_date=datetime(2024, 1, 1), schedule=None):
    load()
