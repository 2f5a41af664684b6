"""A random delay in default_args."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import randrange

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


DEFAULTS = {
    "retry_delay": timedelta(minutes=randrange(5) + 1),  # expect: DYN104
}

with DAG("random_retry_delay", start_date=datetime(2024, 1, 1), schedule=None, default_args=DEFAULTS):
    load()
