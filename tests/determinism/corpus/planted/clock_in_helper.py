"""The time behind a function of another module."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task

from planted_shared.stamps import stamp

# expect: DYN103 in planted_shared/stamps.py


@task
def load(**values):
    print(values)


with DAG("clock_in_helper", start_date=datetime(2024, 1, 1), schedule=None):
    load(stamp=stamp())
