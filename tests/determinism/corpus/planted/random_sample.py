"""A sample is mapped over."""

from __future__ import annotations

import random
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(region):
    print(region)


with DAG("random_sample", start_date=datetime(2024, 1, 1), schedule=None):
    load.expand(region=random.sample(["eu", "us", "apac", "latam"], 3))  # expect: DYN104
