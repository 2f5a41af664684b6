"""A date with its time zone."""

from __future__ import annotations

from datetime import datetime

import pendulum
from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


with DAG("pendulum_date", start_date=pendulum.datetime(2024, 1, 1, tz="Europe/Amsterdam"), schedule="@daily"):
    load()
