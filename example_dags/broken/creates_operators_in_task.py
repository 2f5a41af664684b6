"""
BROKEN: create operators while a task runs, put them into the DAG and behind the running task.

The worst form, because it looks as if it worked: the run is green, and none of the operators is ever
executed. Task instances come from the DAG as it was when the run began; what a task adds to its own copy of
the DAG, nobody reads. Right: `print_each.py`.
"""

import pendulum

try:  # Airflow 3
    from airflow.providers.standard.operators.python import PythonOperator
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.operators.python import PythonOperator


def find_names():
    return ["ada", "grace", "katherine"]


def create(ti):
    for name in ti.xcom_pull(task_ids="list_names"):
        operator = PythonOperator(task_id=f"print_{name}", python_callable=print, op_args=[name], dag=dag)
        ti.task >> operator


with DAG(
    "creates_operators_in_task", schedule=None, start_date=pendulum.datetime(2024, 1, 1), catchup=False
) as dag:
    list_names = PythonOperator(task_id="list_names", python_callable=find_names)
    create_operators = PythonOperator(task_id="create_operators", python_callable=create)
    list_names >> create_operators
