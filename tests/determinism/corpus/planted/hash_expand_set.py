"""A set that is mapped over."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(region):
    print(region)


with DAG("hash_expand_set", start_date=datetime(2024, 1, 1), schedule=None):
    load.expand(region=list({"eu", "us", "apac"}))  # expect: DYN102
