"""What Airflow itself makes of a DAG before it stores it: its hash, and the warnings of its static checker."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_CONTEXT = "_AIRFLOW_PARSING_CONTEXT_"


def hash_of(dag: Any) -> str:
    """
    Give the hash by which Airflow decides whether a DAG has changed; raises what serialising raises.

    Source:
        `SerializedDagModel.hash` where there is one (3.x), else what its constructor does (2.10, 2.11).
    """
    from airflow.models.serialized_dag import SerializedDagModel

    data = serialize(dag)
    if hasattr(SerializedDagModel, "hash"):
        return str(SerializedDagModel.hash(data))
    from airflow.utils.hashlib_wrapper import md5

    return str(md5(json.dumps(data, sort_keys=True).encode()).hexdigest())


def serialize(dag: Any) -> Any:
    """Give the data that Airflow stores for *dag*."""
    try:
        from airflow.serialization.serialized_objects import DagSerialization as Serialization
    except ImportError:
        from airflow.serialization.serialized_objects import SerializedDAG as Serialization
    return Serialization.to_dict(dag)


def try_serializing(dag: Any) -> BaseException | None:
    """Give what keeps Airflow from storing *dag*; None if nothing does."""
    try:
        serialize(dag)
    except Exception as error:
        # Airflow raises an error of its own about the one that matters.
        return error.__cause__ or error.__context__ or error
    return None


def check_statically(path: Path) -> list[tuple[int, str]]:
    """Give the line and the text of each warning of Airflow's own static checker (3.2 and later); else nothing."""
    try:
        from airflow.utils.dag_version_inflation_checker import check_dag_file_stability
    except ImportError:
        return []
    warnings = check_dag_file_stability(str(path)).warnings.values()
    return sorted({(int(warning.line), str(warning.message)) for warning in warnings})


@contextmanager
def parsing_as(dag_id: str | None, task_id: str | None) -> Iterator[None]:
    """Parse as a worker does that is to run *task_id* of *dag_id*."""
    if dag_id is None:
        yield
        return
    try:
        from airflow.sdk.definitions._internal.dag_parsing_context import (
            _airflow_parsing_context_manager as manager,
        )
    except ImportError:
        from airflow.utils.dag_parsing_context import _airflow_parsing_context_manager as manager
    # Airflow's own manager leaves the variables behind where there were none before.
    before = {name: value for name, value in os.environ.items() if name.startswith(_CONTEXT)}
    try:
        with manager(dag_id=dag_id, task_id=task_id):
            yield
    finally:
        for name in [name for name in os.environ if name.startswith(_CONTEXT)]:
            del os.environ[name]
        os.environ.update(before)
