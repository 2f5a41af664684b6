"""The time in default_args."""

from __future__ import annotations

import time
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


DEFAULTS = {
    "owner": time.strftime("owner-%Y-%m"),  # expect: DYN103
}

with DAG("clock_default_args", start_date=datetime(2024, 1, 1), schedule=None, default_args=DEFAULTS):
    load()
