"""Rows made from a set."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task

NAMES = ["eu", "us", "apac", "latam"]


@task
def load(region):
    print(region)


with DAG("hash_expand_kwargs", start_date=datetime(2024, 1, 1), schedule=None):
    load.expand_kwargs([{"region": name} for name in set(NAMES)])  # expect: DYN102
