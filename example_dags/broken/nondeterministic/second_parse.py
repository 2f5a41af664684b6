"""DYN101: a module that stays imported counts. The second parse of a process gives another DAG."""

import sys
from datetime import datetime
from pathlib import Path

from airflow import DAG
from airflow.decorators import task

sys.path.insert(0, str(Path(__file__).parent))
from shared.batches import next_batch


@task
def load(**values):
    print(values)


with DAG("second_parse", start_date=datetime(2024, 1, 1), schedule=None):
    load(batch=next_batch())
