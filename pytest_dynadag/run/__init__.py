"""Running DAGs for real through Airflow, and observing what they become."""
