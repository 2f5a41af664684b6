"""A digest, not hash()."""

from __future__ import annotations

import hashlib
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


with DAG("hashlib_digest", start_date=datetime(2024, 1, 1), schedule=None):
    load.override(task_id=f"load_{hashlib.sha256(b'sales').hexdigest()[:6]}")()
