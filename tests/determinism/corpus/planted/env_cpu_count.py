"""As many tasks as processors."""

from __future__ import annotations

import os
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


with DAG("env_cpu_count", start_date=datetime(2024, 1, 1), schedule=None):
    for number in range(os.cpu_count() or 1):  # expect: DYN106
        load.override(task_id=f"load_{number}")()
