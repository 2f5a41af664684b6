"""A generator without a seed."""

from __future__ import annotations

import random
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


generator = random.Random()  # expect: DYN104

with DAG("random_unseeded", start_date=datetime(2024, 1, 1), schedule=None):
    load(number=generator.random())
