"""
Map over a list only if a branch says so.

A task that a branch does not choose is skipped before it is expanded: it never has instances, however long
the list. What joins the two ways again needs `none_failed_min_one_success`, as after any branch.
"""

import pendulum

try:  # Airflow 3
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.decorators import task

with DAG(
    "branch_then_map",
    schedule=None,
    start_date=pendulum.datetime(2024, 1, 1),
    catchup=False,
    params={"day": "monday"},
):

    @task
    def list_recipients():
        return ["ada@example.org", "grace@example.org"]

    @task.branch
    def choose(params):
        return "rest" if params["day"] == "sunday" else "send"

    @task
    def rest():
        return "no mail on Sundays"

    @task(map_index_template="{{ task.op_kwargs['address'] }}")
    def send(address):
        return f"sent to {address}"

    @task(trigger_rule="none_failed_min_one_success")
    def close_day():
        return "closed"

    choose() >> [rest(), send.expand(address=list_recipients())] >> close_day()
