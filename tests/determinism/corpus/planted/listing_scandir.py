"""Entries of a directory."""

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


with os.scandir(CONFIGS) as entries:  # expect: DYN105
    names = [entry.name for entry in entries if entry.name.endswith(".yaml")]

with DAG("listing_scandir", start_date=datetime(2024, 1, 1), schedule=None):
    load(names=names)
