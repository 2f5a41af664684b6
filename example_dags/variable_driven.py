"""
Let a Variable decide, when the file is read, how many instances there are.

Given a default, the file can be read where the Variable is not set, a laptop or a test for example; set it
there with `AIRFLOW_VAR_CITIES='["lima"]'`. Outside a task, `Variable.get()` asks the database at every parse,
unless the environment holds the value. If it may change during a run, read it in a task and map over the
output.
"""

import pendulum

try:  # Airflow 3
    from airflow.sdk import DAG, Variable, task
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.decorators import task
    from airflow.models import Variable

DEFAULT_CITIES = ["oslo", "rome"]

# The default is given by position: its name is `default` in Airflow 3 and `default_var` in Airflow 2.
cities = Variable.get("cities", DEFAULT_CITIES, deserialize_json=True)

with DAG("variable_driven", schedule=None, start_date=pendulum.datetime(2024, 1, 1), catchup=False):

    @task(map_index_template="{{ task.op_kwargs['city'] }}")
    def forecast(city):
        return f"sunny in {city}"

    @task
    def publish(forecasts):
        return list(forecasts)

    publish(forecast.expand(city=cities))
