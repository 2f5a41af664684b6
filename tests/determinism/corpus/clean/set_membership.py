"""A set is only asked."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


KNOWN = {"eu", "us"}

with DAG("set_membership", start_date=datetime(2024, 1, 1), schedule=None):
    load(regions=[name for name in ("eu", "apac") if name in KNOWN])
