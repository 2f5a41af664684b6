"""
BROKEN: call a decorated task inside another one, once per name.

This never works. Inside a running task such a call executes nothing: it makes an operator and returns a
reference to its future output, which `print_all` cannot store as its own return value, so it fails. Right:
`taskflow_each.py`, in which the inner task is expanded over the list.
"""

import pendulum

try:  # Airflow 3
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.decorators import task

with DAG(
    "creates_operators_in_taskflow", schedule=None, start_date=pendulum.datetime(2024, 1, 1), catchup=False
):

    @task
    def list_names():
        return ["ada", "grace", "katherine"]

    @task
    def print_one(name):
        print(name)

    @task
    def print_all(names):
        return [print_one.override(task_id=f"print_{name}")(name) for name in names]

    @task
    def report(printed):
        return len(printed)

    report(print_all(list_names()))
