"""A home for Airflow that is ours: settled before Airflow is imported, so that no test reaches production."""

# Why before: AIRFLOW_HOME, the DAG and plugin folders and the database address are read once, at import.
# Airflow is not imported here. Where somebody imported it already, it is pointed to our home instead, and
# what could not be undone is noted.

from __future__ import annotations

import base64
import importlib.util
import os
import sys
import warnings
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Any

from pytest_dynadag.errors import DynadagError

PREFIXES = ("AIRFLOW__", "AIRFLOW_CONN_", "AIRFLOW_VAR_")
"""Beginnings of the names that are taken out of the environment: options, Connections and Variables."""

NAMES = ("AIRFLOW_HOME", "AIRFLOW_CONFIG")
"""Further names that are taken out."""

NEVER_LET_THROUGH = ("AIRFLOW_HOME", "AIRFLOW__*__SQL_ALCHEMY_CONN*", "AIRFLOW__CORE__UNIT_TEST_MODE")
"""What stays out even when asked for: with it, a test would write to a database that is not ours."""

_FERNET_KEY = base64.urlsafe_b64encode(b"pytest-dynadag: throw-away data.").decode()
_SIGNING = "pytest-dynadag: signs nothing that leaves this process, or that anybody else believes"


class AirflowMissingError(DynadagError):
    """Airflow is not installed where pytest runs; *prefix* is that environment's folder."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        super().__init__(
            f"Apache Airflow is not installed in {prefix}, and loading or running DAGs needs it\n"
            "  next: pip install 'pytest-dynadag[airflow3]' (Airflow 3) or "
            "'pytest-dynadag[airflow2]' (Airflow 2.10 or 2.11)"
        )


class NotIsolatedError(DynadagError):
    """A run would write to a database that is not ours: *found* is its address, without password."""

    def __init__(self, found: str) -> None:
        self.found = found
        super().__init__(
            f"Airflow's database is {found}, not one of pytest-dynadag's own: nothing is run against it\n"
            "  next: settle an isolated home before (bridge.home.settle), and do not call "
            "airflow.settings.configure_orm in the tests"
        )


@dataclass(frozen=True, slots=True, repr=False)
class Isolation:
    """
    An isolated home, and what was done to the environment for it.

    Leave it with `undo`, or use it as a context manager.

    Attributes:
        home: The folder that Airflow calls AIRFLOW_HOME.
        removed: Names that were taken out of the environment; their values are not kept here.
        let_through: Names that would have been removed, and were let through by name.
        notes: What could not be isolated, each in a sentence.
    """

    home: Path
    removed: tuple[str, ...] = ()
    let_through: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    _environment: MutableMapping[str, str] = field(default_factory=dict, compare=False)
    _before: Mapping[str, str | None] = field(default_factory=dict, compare=False)
    _was_imported: bool = field(default=False, compare=False)

    def __repr__(self) -> str:
        return (
            f"<Isolation in {str(self.home)!r}: {len(self.removed)} names removed, "
            f"{len(self.let_through)} let through, {len(self.notes)} notes>"
        )

    @property
    def database(self) -> str:
        """The address of the throw-away metadata database, as SQLAlchemy writes it."""
        return f"sqlite:///{self.home / 'airflow.db'}"

    def undo(self) -> None:
        """Put the environment back as it was; an Airflow imported before is pointed back as well."""
        _write(self._environment, self._before)
        _SETTLED.pop(str(self.home), None)
        if self._was_imported and self._environment is os.environ:
            _repoint()

    def __enter__(self) -> Isolation:  # noqa: PYI034 - `Self` needs Python 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.undo()


_SETTLED: dict[str, Isolation] = {}


def settle(
    home: Path,
    *,
    let_through: Iterable[str] = (),
    environment: MutableMapping[str, str] | None = None,
) -> Isolation:
    """
    Isolate Airflow in *home*: make the folder, and change the environment so that Airflow uses nothing else.

    Args:
        home: The folder to use as AIRFLOW_HOME; made, for its owner only, where it is missing.
        let_through: Names, or patterns such as `AIRFLOW_VAR_*`, that stay visible and win over our own
            settings. The address of the metadata database and AIRFLOW_HOME never do.
        environment: What to change; the process's own environment unless given.

    Returns:
        What was done; `Isolation.undo` reverts it.

    Source:
        What Airflow reads when: `airflow/configuration.py` and `airflow/settings.py`, 2.11 and 3.3.
    """
    environment = os.environ if environment is None else environment
    home = _make(home)
    changes, removed, kept = plan_environment(home, environment, let_through=let_through)
    before = {name: environment.get(name) for name in changes}
    _write(environment, changes)
    imported = environment is os.environ and "airflow.settings" in sys.modules
    isolation = Isolation(
        home=home,
        removed=removed,
        let_through=kept,
        notes=_repoint(expected=f"sqlite:///{home / 'airflow.db'}") if imported else (),
        _environment=environment,
        _before=before,
        _was_imported=imported,
    )
    if environment is os.environ:
        _SETTLED.pop(str(home), None)
        _SETTLED[str(home)] = isolation
    return isolation


def current() -> Isolation | None:
    """Give the isolation that this process was settled in last, if any."""
    return next(reversed(_SETTLED.values()), None)


def plan_environment(
    home: Path, environment: Mapping[str, str], *, let_through: Iterable[str] = ()
) -> tuple[dict[str, str | None], tuple[str, ...], tuple[str, ...]]:
    """
    Say what has to change in *environment*, without changing it.

    Returns:
        Name to new value (None: remove); the names removed; the names let through.
    """
    patterns = tuple(let_through)
    ours = own_settings(home)
    concerned = sorted(name for name in environment if name in NAMES or name.startswith(PREFIXES))
    kept = tuple(
        name for name in concerned if _matches(name, patterns) and not _matches(name, NEVER_LET_THROUGH)
    )
    removed = tuple(name for name in concerned if name not in kept)
    changes: dict[str, str | None] = dict.fromkeys(removed)
    changes.update({name: value for name, value in ours.items() if name not in kept})
    return changes, removed, kept


def own_settings(home: Path) -> dict[str, str]:
    """Give the environment variables that keep Airflow inside *home*, quiet and without side effects."""
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(home / "plugins"),
        # With the default, 3.3 also loads the plugins of the example DAGs: one listener prints for every task.
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        # Without a key Airflow stores plain text and says so at every access.
        "AIRFLOW__CORE__FERNET_KEY": _FERNET_KEY,
        # Without it the execution API of 3.2, which dag.test() asks, does not start.
        "AIRFLOW__API_AUTH__JWT_SECRET": _SIGNING,
        # Airflow's own timer would take ITIMER_REAL away from pytest-timeout; ours stands outside the process.
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "0",
        "AIRFLOW__CORE__DAGBAG_IMPORT_ERROR_TRACEBACKS": "True",
        # The default, 2, leaves out the line of the DAG file as soon as two functions were called from it.
        "AIRFLOW__CORE__DAGBAG_IMPORT_ERROR_TRACEBACK_DEPTH": "100",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "CRITICAL",
        # What operators log themselves, in 3.x; it is captured while a task runs.
        "AIRFLOW__LOGGING__NAMESPACE_LEVELS": "airflow.task=INFO",
        "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW__OPENLINEAGE__DISABLED": "True",
        "OPENLINEAGE_DISABLED": "true",
        "SCARF_ANALYTICS": "false",
    }


def require_airflow() -> None:
    """Raise `AirflowMissingError` where Airflow cannot be imported; does not import it."""
    if "airflow" in sys.modules:
        return
    spec = importlib.util.find_spec("airflow")
    # A project's folder `airflow/` without __init__.py is found as a namespace package: not Airflow.
    if spec is None or spec.origin is None:
        raise AirflowMissingError(sys.prefix)


@cache
def airflow_version() -> str:
    """Give the version of the installed Airflow without importing it; raises `AirflowMissingError`."""
    for distribution in ("apache-airflow-core", "apache-airflow"):
        try:
            return metadata.version(distribution)
        except metadata.PackageNotFoundError:
            continue
    raise AirflowMissingError(sys.prefix)


def _make(home: Path) -> Path:
    home = Path(os.path.abspath(home))  # noqa: PTH100 - resolve() would follow links the user chose
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o700)
    for name in ("dags", "plugins"):
        (home / name).mkdir(exist_ok=True)
    return home


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _write(environment: MutableMapping[str, str], changes: Mapping[str, str | None]) -> None:
    for name, value in changes.items():
        if value is None:
            environment.pop(name, None)
        else:
            environment[name] = value


def _repoint(expected: str | None = None) -> tuple[str, ...]:
    """Let an Airflow that is imported already read its addresses again; say what stays as it was."""
    from airflow import configuration, settings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        settings.configure_vars()
        settings.reconfigure_orm()
    return _notes(configuration, settings, expected) if expected else ()


def _notes(configuration: Any, settings: Any, expected: str) -> tuple[str, ...]:
    notes = ["Airflow was imported before pytest-dynadag could settle its home"]
    found = str(settings.engine.url)
    if found != expected:
        notes.append(f"its database is still {found}")
    if Path(configuration.AIRFLOW_CONFIG).exists():
        notes.append(f"options that it read from {configuration.AIRFLOW_CONFIG} stay in force")
    if str(configuration.AIRFLOW_HOME) != os.environ["AIRFLOW_HOME"]:
        notes.append(f"whoever asks airflow.configuration for AIRFLOW_HOME gets {configuration.AIRFLOW_HOME}")
    return tuple(notes)
