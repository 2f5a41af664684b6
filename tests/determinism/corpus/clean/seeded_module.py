"""The module's generator, seeded."""

from __future__ import annotations

import random
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


random.seed(7)
numbers = [random.randint(1, 100) for _ in range(3)]

with DAG("seeded_module", start_date=datetime(2024, 1, 1), schedule=None):
    load(numbers=numbers)
