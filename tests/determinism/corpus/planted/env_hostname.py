"""The host in a dag_id."""

from __future__ import annotations

import socket
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


with DAG(
    f"env_hostname_{socket.gethostname()}",  # expect: DYN106
    start_date=datetime(2024, 1, 1),
    schedule=None,
):
    load()
