"""A set of two, written above."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task

REGIONS = {"eu", "us"}  # expect: DYN102


@task
def load(region):
    print(region)


with DAG("hash_two_regions", start_date=datetime(2024, 1, 1), schedule=None):
    load.expand(region=list(REGIONS))
