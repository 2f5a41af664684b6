"""A directory, sorted."""

from __future__ import annotations

import os
from pathlib import Path
from datetime import datetime

from airflow import DAG
from airflow.decorators import task

CONFIGS = Path(__file__).parent / "clean_shared"


@task
def load(region):
    print(region)


with DAG("listing_sorted", start_date=datetime(2024, 1, 1), schedule=None):
    load.expand(region=sorted(name for name in os.listdir(CONFIGS) if name.endswith(".yaml")))
