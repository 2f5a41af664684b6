"""The host behind a wrapper and a default argument."""

from __future__ import annotations

import socket
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


def build(host=socket.getfqdn()):  # expect: DYN106
    """Make the task."""
    return load(host=host)


with DAG("env_default_argument", start_date=datetime(2024, 1, 1), schedule=None):
    build()
