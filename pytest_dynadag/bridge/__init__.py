"""The only door to Airflow: what passes it are our own frozen values, and DAG objects that we do not look into."""
