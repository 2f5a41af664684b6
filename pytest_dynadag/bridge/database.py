"""The throw-away metadata database: made at first use, one per process, emptied before each run."""

# Tables from the ORM instead of migrations: 0.04 s instead of 2. A file, because Airflow 3's in-process API
# answers from a thread with a connection of its own.

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

from pytest_dynadag.bridge import home
from pytest_dynadag.bridge.importing import uncollected
from pytest_dynadag.bridge.patching import replaced

_KEPT = ("slot_pool", "log_template", "alembic_version")


@contextmanager
def on_file() -> Iterator[None]:
    """Let Airflow use the empty database file of its home. Raises `NotIsolatedError`."""
    prepare()
    empty()
    yield


def prepare() -> None:
    """
    Make the tables, the default pool and the log template where they are missing.

    Raises:
        NotIsolatedError: Airflow's database is not that of the current isolation; nothing is written then.
    """
    from airflow import settings

    _require_own(settings)
    engine = settings.engine
    if _is_prepared(engine):
        return
    _fill(engine)


def empty() -> None:
    """Delete what earlier runs left, so that no run sees another: runs, XComs, DAGs, Variables set by tasks."""
    from airflow import settings
    from sqlalchemy import text

    _require_own(settings)
    settings.Session.remove()
    with settings.engine.connect() as connection:
        driver = connection.connection.dbapi_connection
        driver.rollback()
        # Outside a transaction: SQLite ignores this pragma inside one.
        driver.execute("PRAGMA foreign_keys=OFF")
        for table in _metadata().tables.values():
            if table.name not in _KEPT:
                connection.execute(text(f'DELETE FROM "{table.name}"'))  # noqa: S608 - names from Airflow's models
        connection.commit()
        driver.execute("PRAGMA foreign_keys=ON")


@contextmanager
def in_memory() -> Iterator[None]:
    """
    Let Airflow use an empty database in this process's memory, for the time being.

    All sessions share its one connection: for runs that stay in one thread. Raises `NotIsolatedError`.
    """
    from airflow import settings

    _require_own(settings)
    if not _is_free(_memory()):
        _memory.cache_clear()
    engine, factory = _memory(), settings.Session.session_factory
    own = factory.kw["bind"]
    settings.Session.remove()
    with replaced(settings, "engine", engine):
        factory.configure(bind=engine)
        try:
            _template(engine).backup(_driver(engine))
            yield
        finally:
            settings.Session.remove()
            factory.configure(bind=own)


@cache
def _memory() -> Any:
    """Make the engine of the database in memory, once per process, as `settings.configure_orm` makes its own."""
    from airflow.utils.orm_event_handlers import setup_event_handlers
    from sqlalchemy import create_engine
    from sqlalchemy.pool import StaticPool

    options = {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}, "future": True}
    engine = create_engine("sqlite://", **options)
    setup_event_handlers(engine)
    return engine


@cache
def _template(engine: Any) -> sqlite3.Connection:
    """Give the tables and rows with which each run in memory begins; copying them takes less than a millisecond."""
    _fill(engine)
    template = sqlite3.connect(":memory:", check_same_thread=False)
    _driver(engine).backup(template)
    return template


def _is_free(engine: Any) -> bool:
    """Empty the database in memory; tell whether that is possible, or an interrupted run still reads from it."""
    nothing = sqlite3.connect(":memory:")
    try:
        nothing.backup(_driver(engine))
    except sqlite3.OperationalError:
        return False
    finally:
        nothing.close()
    return True


def _driver(engine: Any) -> Any:
    """Give sqlite3's own connection behind the database in memory, outside any transaction."""
    with engine.connect() as connection:
        driver = connection.connection.dbapi_connection
    driver.rollback()
    return driver


def _fill(engine: Any) -> None:
    """Make the tables, and the rows that Airflow expects in them; sessions must be bound to *engine*."""
    from airflow.utils import db
    from airflow.utils.session import create_session

    with uncollected():
        _metadata().create_all(engine)
        with create_session() as session:
            db.add_default_pool_if_not_exists(session=session)
            db.synchronize_log_template(session=session)


def _require_own(settings: Any) -> None:
    isolation, found = home.current(), str(settings.engine.url)
    if isolation is None or found != isolation.database:
        raise home.NotIsolatedError(found)


def _is_prepared(engine: Any) -> bool:
    from sqlalchemy import inspect

    return bool(inspect(engine).has_table("dag_run"))


def _metadata() -> Any:
    import airflow.models
    from airflow.models.base import Base

    airflow.models.import_all_models()
    with suppress(ImportError):  # in 2.x some foreign keys lead to its tables
        import airflow.providers.fab.auth_manager.models
    return Base.metadata
