"""Files that are mapped over."""

from __future__ import annotations

from pathlib import Path
from datetime import datetime

from airflow import DAG
from airflow.decorators import task

CONFIGS = Path(__file__).parent / "planted_shared"


@task
def load(region):
    print(region)


with DAG("listing_glob", start_date=datetime(2024, 1, 1), schedule=None):
    load.expand(region=[path.stem for path in CONFIGS.glob("*.yaml")])  # expect: DYN105
