"""The time goes to the log."""

from __future__ import annotations

import logging
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


logging.getLogger(__name__).warning("parsed at %s", datetime.now())

with DAG("clock_logged", start_date=datetime(2024, 1, 1), schedule=None):
    load()
