"""
Go on when there is nothing to do: the upstream's list is empty, and the run must still end with its report.

A task mapped over nothing is skipped, and so is all that follows it under the default trigger rule
`all_success`. The rule `none_failed` goes on. Such a task gets an empty sequence in Airflow 3, but `None`
in Airflow 2.
"""

import pendulum

try:  # Airflow 3
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.decorators import task

with DAG("empty_list", schedule=None, start_date=pendulum.datetime(2024, 1, 1), catchup=False):

    @task
    def list_new_files():
        return []  # a quiet day

    @task(map_index_template="{{ task.op_kwargs['path'] }}")
    def load(path):
        return path

    @task
    def publish(loaded):
        """Run only if something was loaded: `all_success`, the default."""
        return f"{len(loaded)} published"

    @task(trigger_rule="none_failed")
    def report(loaded):
        """Run in any case, unless an instance failed."""
        return f"{len(loaded or [])} loaded"

    loaded_files = load.expand(path=list_new_files())
    publish(loaded_files)
    report(loaded_files)
