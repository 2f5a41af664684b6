"""An operator looks at the clock when it is made."""

from __future__ import annotations

import time
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
        self.made_at = time.time()  # expect: DYN103

    def execute(self, context):
        """Do nothing."""


with DAG("clock_custom_operator", start_date=datetime(2024, 1, 1), schedule=None):
    LoadOperator(task_id="load")
