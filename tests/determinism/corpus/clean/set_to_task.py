"""A set goes to a task as a set."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


with DAG("set_to_task", start_date=datetime(2024, 1, 1), schedule=None):
    load(regions={"eu", "us", "apac"})
