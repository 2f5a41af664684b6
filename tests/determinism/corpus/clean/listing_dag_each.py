"""A DAG per file."""

from __future__ import annotations

from pathlib import Path
from datetime import datetime

from airflow import DAG
from airflow.decorators import task

CONFIGS = Path(__file__).parent / "clean_shared"


@task
def load(**values):
    print(values)


for path in CONFIGS.iterdir():
    if path.suffix == ".yaml":
        with DAG(f"listing_dag_each_{path.stem}", start_date=datetime(2024, 1, 1), schedule=None):
            load()
