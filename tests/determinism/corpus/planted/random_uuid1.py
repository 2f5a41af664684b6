"""A uuid of time and host."""

from __future__ import annotations

import uuid
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


run = str(uuid.uuid1())  # expect: DYN104

with DAG("random_uuid1", start_date=datetime(2024, 1, 1), schedule=None, params={"run": run}):
    load()
