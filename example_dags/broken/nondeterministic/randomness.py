"""DYN104: a random delay. Every parse makes a new DAG version."""

import random
from datetime import datetime, timedelta

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


DEFAULTS = {"retries": 2, "retry_delay": timedelta(minutes=random.randint(1, 5))}

with DAG("randomness", start_date=datetime(2024, 1, 1), schedule=None, default_args=DEFAULTS):
    load()
