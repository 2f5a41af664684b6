"""Tasks chained in the order of a set."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


with DAG("hash_chain", start_date=datetime(2024, 1, 1), schedule=None):
    previous = None
    for step in {"extract", "clean", "load"}:  # expect: DYN102
        current = load.override(task_id=step)()
        if previous is not None:
            previous >> current
        previous = current
