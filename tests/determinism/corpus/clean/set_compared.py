"""Sets are compared."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


with DAG("set_compared", start_date=datetime(2024, 1, 1), schedule=None):
    load(same={"eu", "us"} == {"us", "eu"}, common=sorted({"eu"} & {"eu", "us"}))
