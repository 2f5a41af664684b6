"""A uuid made from a name."""

from __future__ import annotations

import uuid
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


with DAG("uuid5_of_name", start_date=datetime(2024, 1, 1), schedule=None):
    load(key=str(uuid.uuid5(uuid.NAMESPACE_DNS, "sales")))
