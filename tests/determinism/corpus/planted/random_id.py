"""The address of an object in a task id."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


class Source:
    """A source of data."""


with DAG("random_id", start_date=datetime(2024, 1, 1), schedule=None):
    load.override(task_id=f"load_{id(Source())}")()  # expect: DYN104
