"""Seconds since 1970 of a date without zone."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


with DAG("zone_timestamp", start_date=datetime(2024, 1, 1), schedule=None):
    load(since=datetime(2024, 1, 1).timestamp())  # expect: DYN107
