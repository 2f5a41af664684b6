"""A file that waits a little."""

from __future__ import annotations

import time
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


until = time.time() + 0.2
while time.time() < until:
    time.sleep(0.05)

with DAG("clock_waited", start_date=datetime(2024, 1, 1), schedule=None):
    load()
