"""Host and process go to the log."""

from __future__ import annotations

import os
import socket
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


print("parsed by", os.getpid(), "on", socket.gethostname())

with DAG("env_logged", start_date=datetime(2024, 1, 1), schedule=None):
    load()
