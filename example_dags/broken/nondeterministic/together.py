"""DYN109: neither another host nor another year changes it, both together do."""

import socket
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


migrated = datetime.now().year >= 2028 and socket.gethostname().endswith(".example")

with DAG("together", start_date=datetime(2024, 1, 1), schedule=None):
    load(mode="new" if migrated else "old")
