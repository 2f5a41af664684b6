"""The order of default_args means nothing."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


DEFAULTS = {name: 2 for name in {"retries", "priority_weight"}}

with DAG("set_default_args", start_date=datetime(2024, 1, 1), schedule=None, default_args=DEFAULTS):
    load()
