"""A dict made from a set is mapped over."""

from __future__ import annotations

from datetime import datetime

from airflow import DAG
from airflow.decorators import task

NAMES = set("alpha beta gamma".split())  # expect: DYN102


@task
def load(region):
    print(region)


with DAG("hash_dict_of_set", start_date=datetime(2024, 1, 1), schedule=None):
    load.expand(region={name: 1 for name in NAMES})
