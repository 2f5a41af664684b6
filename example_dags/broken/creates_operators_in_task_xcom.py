"""
BROKEN: hand operators from one task to the next through XCom, and wire them up there.

This never works. An XCom is data and an operator is not: `make_operators` fails when its return value is
stored, and nothing after it starts. Right: `print_each.py`, in which the upstream returns the names
themselves.
"""

import pendulum

try:  # Airflow 3
    from airflow.providers.standard.operators.python import PythonOperator
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.operators.python import PythonOperator


def make():
    names = ["ada", "grace", "katherine"]
    return [
        PythonOperator(task_id=f"print_{name}", python_callable=lambda name=name: print(name))
        for name in names
    ]


def wire(ti):
    for operator in ti.xcom_pull(task_ids="make_operators"):
        operator.dag = dag
        ti.task >> operator


with DAG(
    "creates_operators_in_task_xcom", schedule=None, start_date=pendulum.datetime(2024, 1, 1), catchup=False
) as dag:
    make_operators = PythonOperator(task_id="make_operators", python_callable=make)
    wire_operators = PythonOperator(task_id="wire_operators", python_callable=wire)
    make_operators >> wire_operators
