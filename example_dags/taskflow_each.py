"""
Process a variable number of data sets in TaskFlow, and collect what came out.

The same wish as in `process_each.py`: a decorated function is expanded by calling `expand_kwargs()` in
place of the function. What it returns stands for the results of all instances; given to an ordinary task,
it arrives as one sequence in map-index order, after the last instance is done.
"""

import pendulum

try:  # Airflow 3
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.decorators import task

with DAG("taskflow_each", schedule=None, start_date=pendulum.datetime(2024, 1, 1), catchup=False):

    @task
    def list_data():
        return [
            {"data_id": "orders", "process_time": "2024-05-01T06:00"},
            {"data_id": "customers", "process_time": "2024-05-01T07:30"},
        ]

    @task(map_index_template="{{ task.op_kwargs['data_id'] }}")
    def process(data_id, process_time, mode):
        return f"{data_id} processed for {process_time} ({mode})"

    @task
    def collect(results):
        return list(results)  # until now a sequence that reads one XCom at a time

    collect(process.partial(mode="incremental").expand_kwargs(list_data()))
