"""The user as owner."""

from __future__ import annotations

import getpass
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


with DAG(
    "env_user",
    start_date=datetime(2024, 1, 1),
    schedule=None,
    default_args={"owner": getpass.getuser()},  # expect: DYN106
):
    load()
