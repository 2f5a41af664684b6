"""An instant as local time."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


with DAG("zone_fromtimestamp", start_date=datetime(2024, 1, 1), schedule=None):
    load(since=datetime.fromtimestamp(1_700_000_000).isoformat())  # expect: DYN107
