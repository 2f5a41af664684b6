"""The Variables, Connections and environment that a test gives, as Airflow sees them."""

# Through the environment, because Airflow itself looks there first, in both families and in every process:
# `airflow/secrets/environment_variables.py`.

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from pytest_dynadag.bridge.patching import replaced
from pytest_dynadag.errors import DynadagError


class MetadataError(DynadagError):
    """A Variable, Connection or environment value that cannot be passed on: *kind*, *name* and *why*."""

    def __init__(self, kind: str, name: str, why: str) -> None:
        self.kind, self.name, self.why = kind, name, why
        super().__init__(f"{kind} {name!r}: {why}")


@dataclass(frozen=True, slots=True)
class Lookup:
    """Something that a DAG file asked Airflow for: *kind* is `Variable` or `Connection`."""

    kind: str
    name: str
    found: bool


def metadata_environment(
    variables: Mapping[str, Any] | None = None,
    connections: Mapping[str, Any] | None = None,
    env: Mapping[str, str | None] | None = None,
) -> dict[str, str | None]:
    """
    Write what a test gives as environment variables; None removes a name.

    Args:
        variables: Name to value; what is not a str is written as JSON. None: the Variable does not exist.
        connections: Connection id to a URI, or to a mapping such as `{"conn_type": "http", "host": ...}`.
        env: Further environment variables.

    Raises:
        MetadataError: A value that JSON cannot write, or an environment value that is not a str.
    """
    environment: dict[str, str | None] = {}
    for name, value in (variables or {}).items():
        environment[f"AIRFLOW_VAR_{name.upper()}"] = _as_text("variable", name, value)
    for name, value in (connections or {}).items():
        environment[f"AIRFLOW_CONN_{name.upper()}"] = _as_text("connection", name, value)
    for name, value in (env or {}).items():
        if value is not None and not isinstance(value, str):
            raise MetadataError("environment variable", name, f"a str is needed, not {value!r}")
        environment[name] = value
    return environment


@contextmanager
def parse_metadata(
    variables: Mapping[str, Any] | None = None,
    connections: Mapping[str, Any] | None = None,
    env: Mapping[str, str | None] | None = None,
) -> Iterator[None]:
    """Make Variables, Connections and environment visible to Airflow and the DAG files, then restore."""
    with changed_environment(metadata_environment(variables, connections, env)):
        yield


@contextmanager
def changed_environment(changes: Mapping[str, str | None]) -> Iterator[None]:
    """Change the process's environment, and put it back as it was, including what others added meanwhile."""
    before = dict(os.environ)
    for name, value in changes.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    try:
        yield
    finally:
        for name in [name for name in os.environ if name not in before]:
            del os.environ[name]
        os.environ.update({name: value for name, value in before.items() if os.environ.get(name) != value})


@contextmanager
def watched_lookups() -> Iterator[list[Lookup]]:
    """
    Record which Variables and Connections are asked for, and answer without a metadata database.

    What the environment does not hold does not exist: Airflow 2.11 would query tables that are not there, and
    fail instead of taking the default (`Variable.get`, `airflow/models/variable.py`).
    """
    from airflow.secrets.environment_variables import EnvironmentVariablesBackend as Environment
    from airflow.secrets.metastore import MetastoreBackend as Metastore

    seen: list[Lookup] = []
    with ExitStack() as stack:
        for name, kind in _LOOKUPS.items():
            look_up = _recording(getattr(Environment, name), kind, seen)
            stack.enter_context(replaced(Environment, name, look_up))
            stack.enter_context(replaced(Metastore, name, _find_nothing))
        yield seen


_LOOKUPS = {"get_variable": "Variable", "get_connection": "Connection"}


def _recording(lookup: Any, kind: str, seen: list[Lookup]) -> Any:
    def look_up(self: Any, *args: Any, **kwargs: Any) -> Any:
        value = lookup(self, *args, **kwargs)
        name = args[0] if args else kwargs.get("key", kwargs.get("conn_id"))
        seen.append(Lookup(kind, str(name), value is not None))
        return value

    return look_up


def _find_nothing(*args: Any, **kwargs: Any) -> None:
    """Answer as an empty metadata database does."""


def _as_text(kind: str, name: str, value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    try:
        return json.dumps(value)
    except (TypeError, ValueError) as error:
        raise MetadataError(kind, name, f"{value!r} is neither a str nor JSON ({error})") from None
