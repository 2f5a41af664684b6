"""Functions with a value bound."""

from __future__ import annotations

import functools
from datetime import datetime

from airflow import DAG
from airflow.decorators import task


@task
def load(**values):
    print(values)


def _multiply(number, *, factor):
    return number * factor


@task
def numbers():
    """Give some numbers."""
    return [1, 2]


with DAG("partial_callables", start_date=datetime(2024, 1, 1), schedule=None):
    load.expand(value=numbers().map(functools.partial(_multiply, factor=3)))
