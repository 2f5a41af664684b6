"""DYN108: a worker builds the DAG without a task that the scheduler waits for."""

from datetime import datetime

from airflow import DAG
from airflow.decorators import task


try:
    from airflow.sdk import get_parsing_context
except ImportError:  # Airflow 2
    from airflow.utils.dag_parsing_context import get_parsing_context


@task
def load(**values):
    print(values)


parsed_by_worker = get_parsing_context().dag_id is not None

with DAG("parsing_context", start_date=datetime(2024, 1, 1), schedule=None):
    load()
    if not parsed_by_worker:
        load.override(task_id="report")()
