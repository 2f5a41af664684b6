"""A number that is drawn and not used."""

from __future__ import annotations

import random
import uuid
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


print("loaded as", uuid.uuid4(), random.random())

with DAG("random_unused", start_date=datetime(2024, 1, 1), schedule=None):
    load()
