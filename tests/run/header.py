"""What stands above the DAGs of the tests of runs."""

from __future__ import annotations

HEADER = """\
from datetime import datetime, timedelta, timezone
try:
    from airflow.sdk import DAG, BaseOperator, Param, Variable, dag, task, task_group, get_current_context
    from airflow.sdk.exceptions import AirflowSkipException, AirflowFailException
    from airflow.sdk.bases.sensor import BaseSensorOperator
    from airflow.sdk import BaseHook
    from airflow.providers.standard.operators.python import PythonOperator, get_current_context
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
except ImportError:
    from airflow import DAG
    from airflow.decorators import dag, task, task_group
    from airflow.hooks.base import BaseHook
    from airflow.models import BaseOperator, Param, Variable
    from airflow.exceptions import AirflowSkipException, AirflowFailException
    from airflow.operators.bash import BashOperator
    from airflow.operators.python import PythonOperator, get_current_context
    from airflow.operators.trigger_dagrun import TriggerDagRunOperator
    from airflow.sensors.base import BaseSensorOperator
START = dict(schedule=None, start_date=datetime(2024, 1, 1, tzinfo=timezone.utc), catchup=False)
"""

HEADER_LINES = len(HEADER.splitlines())
