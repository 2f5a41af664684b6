"""The process id in a param."""

from __future__ import annotations

import os
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


with DAG(
    "env_pid",
    start_date=datetime(2024, 1, 1),
    schedule=None,
    params={"process": os.getpid()},  # expect: DYN106
):
    load()
