"""A generator with a seed."""

from __future__ import annotations

import random
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(region):
    print(region)


with DAG("seeded_generator", start_date=datetime(2024, 1, 1), schedule=None):
    load.expand(region=random.Random(42).sample(["eu", "us", "apac"], 2))
