"""Files found by glob."""

from __future__ import annotations

import glob
from pathlib import Path
from datetime import datetime

from airflow import DAG
from airflow.decorators import task

CONFIGS = Path(__file__).parent / "planted_shared"


@task
def load(region):
    print(region)


with DAG("listing_glob_module", start_date=datetime(2024, 1, 1), schedule=None):
    load.expand(region=[Path(name).stem for name in glob.glob(f"{CONFIGS}/*.yaml")])  # expect: DYN105
