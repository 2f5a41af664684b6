"""A DAG per year."""

from __future__ import annotations

from datetime import date, datetime
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


for year in range(2025, date.today().year + 1):  # expect: DYN103
    with DAG(f"clock_number_of_dags_{year}", start_date=datetime(2024, 1, 1), schedule=None):
        load()
