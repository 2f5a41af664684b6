"""One task more at the weekend."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


with DAG("clock_weekend", start_date=datetime(2024, 1, 1), schedule=None):
    load()
    if datetime.today().weekday() >= 5:  # expect: DYN103
        load.override(task_id="load_at_the_weekend")()
