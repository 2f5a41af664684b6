"""The engines: each takes a DAG and a request, lets Airflow execute it, and gives an observation."""
