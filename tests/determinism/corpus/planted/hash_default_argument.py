"""A set in a default argument."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


def build(regions=tuple({"eu", "us", "apac"})):  # expect: DYN102
    """Make the task."""
    return load(regions=regions)


with DAG("hash_default_argument", start_date=datetime(2024, 1, 1), schedule=None):
    build()
