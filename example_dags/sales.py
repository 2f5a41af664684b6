"""
Load the sales of every region, then report: the smallest DAG that shows what a test can say.

How many regions there are is known only when `list_regions` has run. `load` is expanded over them, `report`
waits for all of them.
"""

import pendulum

try:  # Airflow 3
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.decorators import task

with DAG(
    "sales",
    schedule=None,
    start_date=pendulum.datetime(2024, 1, 1),
    catchup=False,
    params={"day": "2024-01-01"},
):

    @task
    def list_regions():
        return ["eu", "us", "apac"]

    @task(map_index_template="{{ task.op_kwargs['region'] }}")
    def load(region, params):
        print(f"Loading the sales of {region} on {params['day']}")
        return f"{region} loaded"

    @task
    def report(loaded):
        return f"{len(loaded)} regions: {', '.join(loaded)}"

    report(load.expand(region=list_regions()))
