"""An object whose repr has its address."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


class Source:
    """A source of data."""


with DAG(
    "object_argument",
    start_date=datetime(2024, 1, 1),
    schedule=None,
    user_defined_macros={"source": Source()},
):
    load()
