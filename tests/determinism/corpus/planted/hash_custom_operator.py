"""An operator keeps the members of a set."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task

try:
    from airflow.sdk import BaseOperator
except ImportError:
    from airflow.models.baseoperator import BaseOperator


class LoadOperator(BaseOperator):
    """Remembers something that it computed."""

    def __init__(self, **options):
        super().__init__(**options)
        self.parts = [name.upper() for name in {"eu", "us", "apac"}]  # expect: DYN102

    def execute(self, context):
        """Do nothing."""


with DAG("hash_custom_operator", start_date=datetime(2024, 1, 1), schedule=None):
    LoadOperator(task_id="load")
