"""Bytes of the operating system."""

from __future__ import annotations

import os
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


with DAG("random_urandom", start_date=datetime(2024, 1, 1), schedule=None):
    load(salt=os.urandom(4).hex())  # expect: DYN104
