"""The first member of a set is the default."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


CHOICES = frozenset(["blue", "green", "red"])  # expect: DYN102

with DAG("hash_first_of_set", start_date=datetime(2024, 1, 1), schedule=None):
    load(colour=next(iter(CHOICES)))
