"""Files found by walking a tree."""

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


def find():
    """Find the configurations."""
    for folder, _, names in os.walk(CONFIGS):  # expect: DYN105
        yield from (os.path.join(os.path.basename(folder), name) for name in names if name.endswith(".yaml"))


with DAG("listing_walk", start_date=datetime(2024, 1, 1), schedule=None):
    load(names=list(find()))
