"""How many there are."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


with DAG("set_size", start_date=datetime(2024, 1, 1), schedule=None):
    load(number=len({"eu", "us", "apac"}))
