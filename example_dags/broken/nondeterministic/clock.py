"""DYN103: the day is part of a task id. At midnight the task of a running DAG is gone."""

from datetime import date, datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


with DAG("clock", start_date=datetime(2024, 1, 1), schedule=None):
    load.override(task_id=f"load_{date.today():%Y_%m_%d}")()
