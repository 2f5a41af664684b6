"""A file that ends its process after a certain year."""

from __future__ import annotations

import os
import time
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


if time.gmtime().tm_year > 2027:  # expect: DYN103
    os._exit(3)

with DAG("clock_kills", start_date=datetime(2024, 1, 1), schedule=None):
    load()
