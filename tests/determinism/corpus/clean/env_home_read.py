"""A file that may be in the home folder."""

from __future__ import annotations

from pathlib import Path
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


with DAG("env_home_read", start_date=datetime(2024, 1, 1), schedule=None):
    load(exists=(Path.home() / ".surely-not-there").exists())
