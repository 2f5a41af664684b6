"""Lambdas look alike, and are."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def numbers():
    """Give some numbers."""
    return [1, 2]


@task
def load(region):
    print(region)


with DAG("lambda_callables", start_date=datetime(2024, 1, 1), schedule=None):
    load.expand(region=numbers().map(lambda number: number + 1))
