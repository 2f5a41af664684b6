"""Airflow's limits that a plan must know, without importing Airflow."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

_OPTION = "AIRFLOW__CORE__MAX_MAP_LENGTH"
_DEFAULT = 1024


def max_map_length(let_through: Iterable[str] = (), environment: Mapping[str, str] | None = None) -> int:
    """
    Give `[core] max_map_length`: the longest single output to map over, in elements.

    The machine's own setting counts only where *let_through* names it; Airflow's default is 1024
    (airflow/config_templates/config.yml, 2.10-3.3).
    """
    value = (os.environ if environment is None else environment).get(_OPTION, "")
    named = any(fnmatchcase(_OPTION, pattern) for pattern in let_through)
    return int(value) if named and value.isdigit() else _DEFAULT
