"""The host, by platform."""

from __future__ import annotations

import platform
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


with DAG("env_platform", start_date=datetime(2024, 1, 1), schedule=None):
    load(host=platform.node())  # expect: DYN106
