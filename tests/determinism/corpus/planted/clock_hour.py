"""Morning or evening."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


with DAG("clock_hour", start_date=datetime(2024, 1, 1), schedule=None):
    load()
    if datetime.now().hour < 12:  # expect: DYN103
        load.override(task_id="load_in_the_morning")()
