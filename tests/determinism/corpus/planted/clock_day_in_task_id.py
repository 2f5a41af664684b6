"""Only the day, in a task id."""

from __future__ import annotations

from datetime import date, datetime
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


with DAG("clock_day_in_task_id", start_date=datetime(2024, 1, 1), schedule=None):
    load.override(task_id=f"load_{date.today():%Y%m%d}")()  # expect: DYN103
