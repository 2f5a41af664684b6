"""How long the file took is printed."""

from __future__ import annotations

import time
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


started = time.perf_counter()
squares = [number**2 for number in range(1000)]
rate = len(squares) / (time.perf_counter() - started)
print(f"{rate:.0f} per second")

with DAG("clock_measured", start_date=datetime(2024, 1, 1), schedule=None):
    load()
