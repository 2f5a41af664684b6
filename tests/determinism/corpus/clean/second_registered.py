"""A module remembers the DAGs by id."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task

from clean_shared.caches import remember


@task
def load(**values):
    print(values)


with DAG("second_registered", start_date=datetime(2024, 1, 1), schedule=None):
    load(names=remember("second_registered"))
