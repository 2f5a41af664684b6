"""The operating system's generator."""

from __future__ import annotations

import random
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


with DAG("random_system", start_date=datetime(2024, 1, 1), schedule=None):
    load(number=random.SystemRandom().randint(1, 10**9))  # expect: DYN104
