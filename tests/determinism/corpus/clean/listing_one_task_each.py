"""A task per file: their order means nothing."""

from __future__ import annotations

from pathlib import Path
from datetime import datetime

from airflow import DAG
from airflow.decorators import task

CONFIGS = Path(__file__).parent / "clean_shared"


@task
def load(**values):
    print(values)


with DAG("listing_one_task_each", start_date=datetime(2024, 1, 1), schedule=None):
    for path in CONFIGS.glob("*.yaml"):
        load.override(task_id=path.stem)(config=path.name)
