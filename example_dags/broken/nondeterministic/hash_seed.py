"""DYN102: a set is mapped over. A worker that parses the file under another hash seed gives load[0] another region."""

from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(region):
    print(region)


with DAG("hash_seed", start_date=datetime(2024, 1, 1), schedule=None):
    load.expand(region=list({"eu", "us", "apac", "latam"}))
