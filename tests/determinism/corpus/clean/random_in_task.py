"""Chance inside a task."""

from __future__ import annotations

import random
import uuid
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load():
    """Draw while the task runs."""
    print(random.random(), uuid.uuid4())


with DAG("random_in_task", start_date=datetime(2024, 1, 1), schedule=None):
    load()
