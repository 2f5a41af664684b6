"""
Let a Variable decide, when the file is read, how many instances there are.

`Variable.get()` outside a task asks the database at every parse, and on Airflow 2 fails where there is none. A
Variable that is set in the environment (`AIRFLOW_VAR_CITIES='["lima"]'`) costs nothing, and a test or a laptop
without it gets the default. If the value may change during a run, read it in a task and map over its output.
"""

import os

import pendulum

try:  # Airflow 3
    from airflow.sdk import DAG, Variable, task
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.decorators import task
    from airflow.models import Variable

DEFAULT_CITIES = ["oslo", "rome"]


def read_cities():
    if "AIRFLOW_VAR_CITIES" not in os.environ:  # do not ask the database
        return DEFAULT_CITIES
    return Variable.get("cities", deserialize_json=True)


with DAG("variable_driven", schedule=None, start_date=pendulum.datetime(2024, 1, 1), catchup=False):

    @task(map_index_template="{{ task.op_kwargs['city'] }}")
    def forecast(city):
        return f"sunny in {city}"

    @task
    def publish(forecasts):
        return list(forecasts)

    publish(forecast.expand(city=read_cities()))
