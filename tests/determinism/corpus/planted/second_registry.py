"""A list of an imported module grows."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task

from planted_shared.counters import register


@task
def load(**values):
    print(values)


# expect: DYN101 in planted_shared/counters.py
with DAG("second_registry", start_date=datetime(2024, 1, 1), schedule=None):
    load(names=register("sales"))
