"""See what a dynamic Airflow DAG becomes, before it is deployed."""
