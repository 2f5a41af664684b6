"""The clock decides nothing."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


if datetime.now() < datetime(2000, 1, 1):
    raise RuntimeError("the clock of this machine is wrong")

with DAG("clock_checked", start_date=datetime(2024, 1, 1), schedule=None):
    load()
