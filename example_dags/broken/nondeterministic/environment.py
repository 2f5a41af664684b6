"""DYN106: the host is part of an argument. The scheduler stores its own, the worker uses another."""

import socket
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


with DAG("environment", start_date=datetime(2024, 1, 1), schedule=None):
    load(target=f"/mnt/{socket.gethostname()}/exports")
