"""A random number of tasks."""

from __future__ import annotations

import random
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


with DAG("random_number_of_tasks", start_date=datetime(2024, 1, 1), schedule=None):
    for number in range(random.randint(2, 9)):  # expect: DYN104
        load.override(task_id=f"load_{number}")()
