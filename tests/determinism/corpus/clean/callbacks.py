"""Callbacks are known by their names."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


def notify(context):
    """Tell somebody."""


with DAG(
    "callbacks",
    start_date=datetime(2024, 1, 1),
    schedule=None,
    on_failure_callback=notify,
    default_args={"on_failure_callback": notify},
):
    load()
