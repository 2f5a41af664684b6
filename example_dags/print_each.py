"""
Print every name of a list that an upstream task returns: one task instance per name.

The wish is often answered with operators created inside a running task, which never works (see `broken/`).
Airflow's way is one operator, written once and expanded: `partial()` holds what all instances share,
`expand()` what differs. A `PythonOperator` takes its arguments as a list, so `.map()` wraps each name into
one.
"""

import pendulum

try:  # Airflow 3
    from airflow.providers.standard.operators.python import PythonOperator
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.operators.python import PythonOperator


def find_names():
    """Stand in for a query, an API call or a listing: how many names come is known only at run time."""
    return ["ada", "grace", "katherine"]


def print_one(name):
    print(f"Hello, {name}!")
    return name


def as_arguments(name):
    """Turn one element of the list into the positional arguments of one call."""
    return [name]


with DAG("print_each", schedule=None, start_date=pendulum.datetime(2024, 1, 1), catchup=False):
    list_names = PythonOperator(task_id="list_names", python_callable=find_names)

    PythonOperator.partial(
        task_id="print_name",
        python_callable=print_one,
        map_index_template="{{ task.op_args[0] }}",  # the grid says "ada", not "0"
    ).expand(op_args=list_names.output.map(as_arguments))
