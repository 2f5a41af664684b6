"""How many files there are."""

from __future__ import annotations

import os
from pathlib import Path
from datetime import datetime

from airflow import DAG
from airflow.decorators import task

CONFIGS = Path(__file__).parent / "clean_shared"


@task
def load(**values):
    print(values)


with DAG("listing_counted", start_date=datetime(2024, 1, 1), schedule=None):
    load(number=len([name for name in os.listdir(CONFIGS) if name.endswith(".yaml")]))
