"""A counter of an imported module."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task

from planted_shared import counters


@task
def load(**values):
    print(values)


counters.number += 1  # expect: DYN101

with DAG("second_counter", start_date=datetime(2024, 1, 1), schedule=None):
    load(number=counters.number)
