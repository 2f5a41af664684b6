"""The local hour of an instant."""

from __future__ import annotations

import time
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


hour = time.localtime(1_700_000_000).tm_hour  # expect: DYN107

with DAG("zone_localtime", start_date=datetime(2024, 1, 1), schedule=f"0 {hour} * * *"):
    load()
