"""
Leave out some elements of an upstream's list, without a task that filters it.

A function given to `.map()` is applied to each element when its instance starts, and may raise
`AirflowSkipException`. The instance is still there and is shown as skipped: the length is that of the whole
list. What collects the results needs `none_failed`, and gets those of the instances that ran.
"""

import pendulum

try:  # Airflow 3
    from airflow.sdk import DAG, task
    from airflow.sdk.exceptions import AirflowSkipException
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.decorators import task
    from airflow.exceptions import AirflowSkipException


def only_csv(path):
    if not path.endswith(".csv"):
        raise AirflowSkipException(f"{path} is not a CSV file")
    return path


with DAG("map_with_skip", schedule=None, start_date=pendulum.datetime(2024, 1, 1), catchup=False):

    @task
    def list_files():
        return ["a.csv", "readme.md", "b.csv"]

    @task(map_index_template="{{ task.op_kwargs['path'] }}")
    def load(path):
        return f"{path} loaded"

    @task(trigger_rule="none_failed")
    def collect(loaded):
        return list(loaded or [])  # Airflow 2 gives None where nothing was loaded

    collect(load.expand(path=list_files().map(only_csv)))
