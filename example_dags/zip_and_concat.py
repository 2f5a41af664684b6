"""
Combine the lists of two upstream tasks before mapping over them: side by side, or one after the other.

`a.zip(b)` makes one tuple per position and stops at the shorter list (with `fillvalue=` it goes on to the
end of the longer one). `a.concat(b)` makes one list of both. Airflow combines them lazily, when an instance
asks for its element, so neither needs a task of its own.
"""

import pendulum

try:  # Airflow 3
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.decorators import task

with DAG("zip_lists", schedule=None, start_date=pendulum.datetime(2024, 1, 1), catchup=False):

    @task
    def list_tables():
        return ["orders", "customers", "products"]

    @task
    def list_hours():
        return [6, 7]

    @task(map_index_template="{{ task.op_kwargs['job'][0] }}")
    def load(job):
        table, hour = job
        return f"{table} loaded at {hour}"

    load.expand(job=list_tables().zip(list_hours()))

with DAG("concat_lists", schedule=None, start_date=pendulum.datetime(2024, 1, 1), catchup=False):

    @task
    def list_csv():
        return ["a.csv", "b.csv"]

    @task
    def list_json():
        return ["c.json"]

    @task(map_index_template="{{ task.op_kwargs['path'] }}")
    def read(path):
        return f"{path} read"

    read.expand(path=list_csv().concat(list_json()))
