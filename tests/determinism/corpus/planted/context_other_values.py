"""A worker reads other values."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task

try:
    from airflow.sdk import get_parsing_context
except ImportError:
    from airflow.utils.dag_parsing_context import get_parsing_context


@task
def load(**values):
    print(values)


LIGHT = get_parsing_context().task_id is not None  # expect: DYN108

with DAG("context_other_values", start_date=datetime(2024, 1, 1), schedule=None):
    load(regions=["eu"] if LIGHT else ["eu", "us"])
