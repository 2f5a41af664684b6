"""A default for libraries, each time the same."""

from __future__ import annotations

import os
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


os.environ.setdefault("CLEAN_LEVEL", "1")

with DAG("env_default_set", start_date=datetime(2024, 1, 1), schedule=None):
    load(level=os.environ["CLEAN_LEVEL"])
