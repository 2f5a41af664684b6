"""now() as start_date."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


with DAG(
    "clock_start_date",
    start_date=datetime.now() - timedelta(days=1),  # expect: DYN103
    schedule=None,
):
    load()
