"""Tasks chained in the order of a directory."""

from __future__ import annotations

import os
from pathlib import Path
from datetime import datetime

from airflow import DAG
from airflow.decorators import task

CONFIGS = Path(__file__).parent / "planted_shared"


@task
def load(**values):
    print(values)


with DAG("listing_listdir", start_date=datetime(2024, 1, 1), schedule=None):
    previous = None
    for name in os.listdir(CONFIGS):  # expect: DYN105
        if name.endswith(".yaml"):
            current = load.override(task_id=name.removesuffix(".yaml"))()
            if previous is not None:
                previous >> current
            previous = current
