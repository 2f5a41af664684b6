"""pop() takes any member of a set."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


names = {"eu", "us"}  # expect: DYN102
chosen = names.pop()

with DAG("hash_pop", start_date=datetime(2024, 1, 1), schedule=None):
    load(region=chosen)
