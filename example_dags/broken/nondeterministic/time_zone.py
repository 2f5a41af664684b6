"""DYN107: an instant is written in the time zone of whichever machine parses the file."""

from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


with DAG("time_zone", start_date=datetime(2024, 1, 1), schedule=None):
    load(since=datetime.fromtimestamp(1_700_000_000).isoformat())
