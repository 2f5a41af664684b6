"""The throw-away metadata database: made at first use, one per process, emptied before each run."""

# Tables from the ORM instead of migrations: 0.04 s instead of 2. A file, because Airflow 3's in-process API
# answers from a thread with a connection of its own.

from __future__ import annotations

from contextlib import suppress
from typing import Any

from pytest_dynadag.bridge import home

_KEPT = ("slot_pool", "log_template", "alembic_version")


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
    _metadata().create_all(engine)
    from airflow.utils import db
    from airflow.utils.session import create_session

    with create_session() as session:
        db.add_default_pool_if_not_exists(session=session)
        db.synchronize_log_template(session=session)


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
