"""
BROKEN: the same with `op_kwargs` and a function of the module, so that the operators could at least be
pickled.

This never works either: `make_operators` fails when its return value is stored. Where Airflow 2 allows
pickled XComs the run is even green, and still none of the operators is ever executed. Right:
`process_each.py`, in which the upstream returns the parameters as dicts.
"""

import pendulum

try:  # Airflow 3
    from airflow.providers.standard.operators.python import PythonOperator
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.operators.python import PythonOperator


def process(data_id, process_time):
    print(f"Processing {data_id} for {process_time}")


def make():
    data = [
        {"data_id": "orders", "process_time": "2024-05-01T06:00"},
        {"data_id": "customers", "process_time": "2024-05-01T07:30"},
    ]
    return [
        PythonOperator(task_id=f"process_{one['data_id']}", python_callable=process, op_kwargs=one)
        for one in data
    ]


def wire(ti):
    for operator in ti.xcom_pull(task_ids="make_operators"):
        operator.dag = dag
        ti.task >> operator


with DAG(
    "creates_operators_in_task_kwargs", schedule=None, start_date=pendulum.datetime(2024, 1, 1), catchup=False
) as dag:
    make_operators = PythonOperator(task_id="make_operators", python_callable=make)
    wire_operators = PythonOperator(task_id="wire_operators", python_callable=wire)
    make_operators >> wire_operators
