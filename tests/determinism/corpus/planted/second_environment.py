"""A parse leaves a variable in the environment."""

from __future__ import annotations

import os
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


seen = os.environ.get("PLANTED_SEEN", "no")
os.environ["PLANTED_SEEN"] = "yes"  # expect: DYN101

with DAG("second_environment", start_date=datetime(2024, 1, 1), schedule=None):
    load(seen=seen)
