"""
Make one DAG per tenant from a YAML file.

Airflow executes a DAG file and takes every DAG it finds, so a loop is all it needs. Two rules keep it
stable: the configuration is found beside this file and not in the working directory, which differs between
scheduler and worker; and what comes from it goes through `sorted()` where its order has no meaning.
"""

from pathlib import Path

import pendulum
import yaml

try:  # Airflow 3
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.decorators import task

CONFIG = Path(__file__).with_name("tenants.yaml")


@task(map_index_template="{{ task.op_kwargs['table'] }}")
def load(table, bucket):
    return f"{bucket}/{table}"


def dag_of(tenant, tables, bucket="s3://shared"):
    """Make the DAG of one tenant. A function, so that no DAG sees the loop variables of another."""
    with DAG(
        f"tenant_{tenant}",
        schedule=None,
        start_date=pendulum.datetime(2024, 1, 1),
        catchup=False,
        tags=["tenant"],
    ):
        load.partial(bucket=bucket).expand(table=tables)


for name, settings in sorted(yaml.safe_load(CONFIG.read_text())["tenants"].items()):
    dag_of(name, **settings)
