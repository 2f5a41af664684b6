"""The union of two sets is listed."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


WEST = {"us", "ca"}
EAST = {"jp", "kr"}

with DAG("hash_union", start_date=datetime(2024, 1, 1), schedule=None):
    load(regions=list(WEST | EAST))  # expect: DYN102
