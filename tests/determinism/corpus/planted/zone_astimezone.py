"""A date without zone is taken for local time."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


moment = datetime(2024, 1, 1, 12).astimezone(timezone.utc)  # expect: DYN107

with DAG("zone_astimezone", start_date=datetime(2024, 1, 1), schedule=None):
    load(moment=moment.isoformat())
