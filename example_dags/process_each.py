"""
Process a variable number of data sets, each with its own parameters, which an upstream task returns as
dicts.

`expand_kwargs()` takes a list of dicts and makes one instance per dict; its keys are the operator's
arguments. Here they are those of an operator of our own. A `PythonOperator` has one argument for them all
and would be expanded with `expand(op_kwargs=list_data.output)`.
"""

import pendulum

try:  # Airflow 3
    from airflow.providers.standard.operators.python import PythonOperator
    from airflow.sdk import DAG, BaseOperator
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.models import BaseOperator
    from airflow.operators.python import PythonOperator


class ProcessData(BaseOperator):
    """Process one data set as of one time, in the given mode."""

    template_fields = ("data_id", "process_time")

    def __init__(self, *, data_id, process_time, mode="full", **kwargs):
        super().__init__(**kwargs)
        self.data_id = data_id
        self.process_time = process_time
        self.mode = mode

    def execute(self, context):
        return f"{self.data_id} processed for {self.process_time} ({self.mode})"


def find_data():
    """Stand in for a look-up. Times travel as text, because XComs are JSON."""
    return [
        {"data_id": "orders", "process_time": "2024-05-01T06:00"},
        {"data_id": "customers", "process_time": "2024-05-01T07:30"},
    ]


with DAG("process_each", schedule=None, start_date=pendulum.datetime(2024, 1, 1), catchup=False):
    list_data = PythonOperator(task_id="list_data", python_callable=find_data)

    ProcessData.partial(
        task_id="process",
        mode="incremental",  # the same for every instance
        map_index_template="{{ task.data_id }} at {{ task.process_time }}",
    ).expand_kwargs(list_data.output)
