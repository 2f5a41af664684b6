"""Yesterday, by pendulum."""

from __future__ import annotations

from datetime import datetime

import pendulum
from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


with DAG(
    "clock_pendulum",
    start_date=pendulum.today("UTC").add(days=-1),  # expect: DYN103
    schedule=None,
):
    load()
