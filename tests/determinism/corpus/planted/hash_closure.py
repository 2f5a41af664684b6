"""Functions that carry a member of a set: their ids and names are the same."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


def bind(region):
    """Give a task function that remembers its region."""

    @task
    def load_one():
        print(region)

    return load_one


with DAG("hash_closure", start_date=datetime(2024, 1, 1), schedule=None):
    for number, region in enumerate({"eu", "us", "apac"}):  # expect: DYN102
        bind(region).override(task_id=f"load_{number}")()
