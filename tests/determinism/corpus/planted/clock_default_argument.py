"""The time in a default argument."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


def build(now=datetime.utcnow()):  # expect: DYN103
    """Make the task."""
    return load(now=now.isoformat())


with DAG("clock_default_argument", start_date=datetime(2024, 1, 1), schedule=None):
    build()
