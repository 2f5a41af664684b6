"""An iterator of an imported module goes on."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task

from planted_shared.counters import numbers


@task
def load(**values):
    print(values)


with DAG("second_iterator", start_date=datetime(2024, 1, 1), schedule=None):
    load(number=next(numbers))  # expect: DYN101
