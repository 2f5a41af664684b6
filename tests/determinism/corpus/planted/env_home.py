"""The home folder in a command."""

from __future__ import annotations

from pathlib import Path
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


with DAG("env_home", start_date=datetime(2024, 1, 1), schedule=None):
    load(command=f"ls {Path.home()}/exports")  # expect: DYN106
