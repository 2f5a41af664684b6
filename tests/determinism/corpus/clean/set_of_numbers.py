"""Numbers come in the same order under every seed."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(region):
    print(region)


with DAG("set_of_numbers", start_date=datetime(2024, 1, 1), schedule=None):
    load.expand(region=list({1, 2, 3}))
