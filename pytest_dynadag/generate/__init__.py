"""Generations: DAG files parsed in processes of their own, and the record of what they gave."""
