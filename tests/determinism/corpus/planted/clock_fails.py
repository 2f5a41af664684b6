"""A file that cannot be loaded after a certain year."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


if datetime.now().year > 2027:  # expect: DYN103
    raise RuntimeError("this DAG has expired")

with DAG("clock_fails", start_date=datetime(2024, 1, 1), schedule=None):
    load()
