"""A uuid in a task id."""

from __future__ import annotations

import uuid
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


with DAG("random_uuid", start_date=datetime(2024, 1, 1), schedule=None):
    load.override(task_id=f"load_{uuid.uuid4().hex[:6]}")()  # expect: DYN104
