"""The logical date, in a template."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


with DAG("clock_template", start_date=datetime(2024, 1, 1), schedule=None):
    load(day="{{ ds }}", at="{{ macros.datetime.now() }}")
