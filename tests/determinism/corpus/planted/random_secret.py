"""A token in the documentation."""

from __future__ import annotations

import secrets
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


with DAG(
    "random_secret",
    start_date=datetime(2024, 1, 1),
    schedule=None,
    doc_md=f"ticket {secrets.token_hex(4)}",  # expect: DYN104
):
    load()
