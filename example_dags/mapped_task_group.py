"""
Put every file through the same chain of tasks, each file on its own.

A task group is expanded like a task: every task in it gets one instance per element, and the instances of
one element depend on each other only. A slow or failed file does not hold up the others, as it would
between two mapped tasks. Tasks after the group wait for all of it.
"""

import pendulum

try:  # Airflow 3
    from airflow.sdk import DAG, task, task_group
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.decorators import task, task_group

with DAG("mapped_task_group", schedule=None, start_date=pendulum.datetime(2024, 1, 1), catchup=False):

    @task
    def list_files():
        return ["orders.csv", "customers.csv"]

    @task(map_index_template="{{ task.op_kwargs['path'] }}")
    def extract(path):
        return f"rows of {path}"

    @task(map_index_template="{{ task.op_kwargs['path'] }}")
    def load(rows, path):
        return f"{rows} loaded"

    @task_group
    def each_file(path):
        # By keyword: what is passed by position is not in op_kwargs, and its label would fail the task.
        return load(rows=extract(path=path), path=path)

    @task
    def report(loaded):
        return list(loaded)

    report(each_file.expand(path=list_files()))
