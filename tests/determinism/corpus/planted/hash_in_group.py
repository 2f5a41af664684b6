"""A set in a task group."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task
from airflow.decorators import task_group


@task
def load(**values):
    print(values)


@task_group
def regional():
    """Load the regions, numbered."""
    for number, region in enumerate({"eu", "us", "apac"}):  # expect: DYN102
        load.override(task_id=f"load_{number}")(region=region)


with DAG("hash_in_group", start_date=datetime(2024, 1, 1), schedule=None):
    regional()
