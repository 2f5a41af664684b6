"""Names shuffled by a function of another module."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task

from planted_shared.stamps import shuffled

# expect: DYN104 in planted_shared/stamps.py


@task
def load(region):
    print(region)


with DAG("random_in_helper", start_date=datetime(2024, 1, 1), schedule=None):
    load.expand(region=shuffled(["eu", "us", "apac", "latam"]))
