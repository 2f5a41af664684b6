"""Days since a date, in a param."""

from __future__ import annotations

from datetime import date, datetime
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


age = (date.today() - date(2024, 1, 1)).days  # expect: DYN103

with DAG("clock_params", start_date=datetime(2024, 1, 1), schedule=None, params={"age": age}):
    load()
