"""The words of a command come from a set."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


with DAG("hash_joined", start_date=datetime(2024, 1, 1), schedule=None):
    load(command="run " + " ".join({"--fast", "--all", "--now"}))  # expect: DYN102
