"""A set with one member."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


with DAG("set_of_one", start_date=datetime(2024, 1, 1), schedule=None):
    load(regions=list({"eu"}))
