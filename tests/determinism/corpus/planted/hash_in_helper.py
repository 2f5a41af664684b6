"""A frozenset of a module that is imported."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task

from planted_shared.regions import REGIONS

# expect: DYN102 in planted_shared/regions.py


@task
def load(region):
    print(region)


with DAG("hash_in_helper", start_date=datetime(2024, 1, 1), schedule=None):
    load.expand(region=[f"{name}-1" for name in REGIONS])
