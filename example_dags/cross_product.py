"""
Train every model in every region: one instance per combination.

Several arguments in one `expand()` make their cross product, whether they are known when the file is read
(the models) or come from an upstream task (the regions). The last argument varies fastest.
"""

import pendulum

try:  # Airflow 3
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.decorators import task

MODELS = ["linear", "forest"]

with DAG("cross_product", schedule=None, start_date=pendulum.datetime(2024, 1, 1), catchup=False):

    @task
    def list_regions():
        return ["eu", "us", "apac"]

    @task(map_index_template="{{ task.op_kwargs['model'] }} in {{ task.op_kwargs['region'] }}")
    def train(model, region, epochs):
        return f"{model} trained in {region} for {epochs} epochs"

    train.partial(epochs=2).expand(model=MODELS, region=list_regions())
