"""Every environment variable."""

from __future__ import annotations

import os
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


with DAG("env_all", start_date=datetime(2024, 1, 1), schedule=None):
    load(names=sorted(os.environ))  # expect: DYN106
