"""A Variable or Connection that a task asks for and that nobody has given: recognised by Airflow's own error."""

from __future__ import annotations

import re

_PATTERNS = (
    # airflow/models/variable.py, 2.11: a KeyError; airflow/sdk/execution_time/context.py, 3.x: an AirflowRuntimeError.
    ("variables", re.compile(r"Variable (?P<name>[\w.\-]+) (?:does not exist|not found)")),
    ("variables", re.compile(r"VARIABLE_NOT_FOUND.*?'key': '(?P<name>[^']+)'")),
    # airflow/models/connection.py, 2.11; airflow/sdk/definitions/connection.py, 3.x.
    ("connections", re.compile(r"[Tt]he conn_id `(?P<name>[^`]+)` isn't defined")),
    ("connections", re.compile(r"CONNECTION_NOT_FOUND.*?'conn_id': '(?P<name>[^']+)'")),
)


def advise_missing(message: str) -> str:
    """Say how to give what an error says is missing; empty where it says something else."""
    for argument, pattern in _PATTERNS:
        if found := pattern.search(message):
            return f"pass {argument}={{{found['name']!r}: ...}}, or write it under `{argument}:` in the case file"
    return ""
