"""DYN105: files are mapped over in whatever order the file system gives them."""

from datetime import datetime
from pathlib import Path

from airflow import DAG
from airflow.decorators import task


REGIONS = Path(__file__).parent / "shared"


@task
def load(region):
    print(region)


with DAG("listing_order", start_date=datetime(2024, 1, 1), schedule=None):
    load.expand(region=[path.stem for path in REGIONS.glob("*.csv")])
