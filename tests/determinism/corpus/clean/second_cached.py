"""A module remembers what it computed."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task

from clean_shared.caches import compute


@task
def load(**values):
    print(values)


with DAG("second_cached", start_date=datetime(2024, 1, 1), schedule=None):
    load(value=compute(3))
