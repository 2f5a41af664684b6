"""Whichever file comes first."""

from __future__ import annotations

from pathlib import Path
from datetime import datetime

from airflow import DAG
from airflow.decorators import task

CONFIGS = Path(__file__).parent / "planted_shared"


@task
def load(**values):
    print(values)


first = next(path for path in CONFIGS.iterdir() if path.suffix == ".yaml")  # expect: DYN105

with DAG("listing_first", start_date=datetime(2024, 1, 1), schedule=None):
    load(config=first.name)
