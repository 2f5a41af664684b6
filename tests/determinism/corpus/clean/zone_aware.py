"""A date with its zone has one instant."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


with DAG("zone_aware", start_date=datetime(2024, 1, 1), schedule=None):
    load(since=datetime(2024, 1, 1, tzinfo=timezone.utc).timestamp())
