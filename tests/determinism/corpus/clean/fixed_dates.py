"""Dates that are written down."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


DAYS = [str(date(2024, 1, 1) + timedelta(days=number)) for number in range(3)]

with DAG("fixed_dates", start_date=datetime(2024, 1, 1), schedule=timedelta(hours=6)):
    load(days=DAYS)
