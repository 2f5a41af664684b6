"""Only on another host, and only later."""

from __future__ import annotations

import socket
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


later = datetime.now().year > 2027  # expect: DYN109
elsewhere = socket.gethostname().endswith(".example")

with DAG("together_clock_and_host", start_date=datetime(2024, 1, 1), schedule=None):
    load(mode="migrated" if later and elsewhere else "old")
