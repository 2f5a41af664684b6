"""Airflow 2's reads and writes for one instance, by single statements in place of the ORM where both come to the same."""

# ruff: noqa: SLF001, S608 - private names of Airflow and SQLAlchemy; the names of tables are Airflow's own
# Where a statement would not come to the same (a note, a run that was changed, rows that the session holds), Airflow's
# own function is called. Sources: `models/taskinstance.py`, `dagrun.py`, `xcom.py`, `xcom_arg.py`, 2.10 and 2.11.

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any

from pytest_dynadag.bridge.patching import replaced

Make = Callable[[Any], Any]


@contextmanager
def lean() -> Iterator[None]:
    """Leave out the rows of the UI and of the audit log, which no task can see, and the ORM where it does nothing else."""
    from airflow.models import taskinstance, xcom_arg
    from airflow.models.dagrun import DagRun
    from airflow.models.xcom import BaseXCom

    instance = taskinstance.TaskInstance
    rows = _Rows(instance), _Rows(DagRun)
    replacements: list[tuple[Any, str, Make]] = [
        (taskinstance, "_update_rtif", lambda original: _do_nothing),
        (taskinstance, "_add_log", lambda original: _do_nothing),
        (instance, "refresh_from_db", lambda original: _refresh_by(rows[0], original)),
        (instance, "save_to_db", lambda original: staticmethod(_save_by(*rows, original))),
        (taskinstance, "_xcom_pull", _pull),
        (DagRun, "get_previous_dagrun", lambda original: staticmethod(_find_previous(original))),
        (BaseXCom, "clear", lambda original: staticmethod(_clear(original))),
        (BaseXCom, "set", lambda original: classmethod(_push(original.__func__))),
        (xcom_arg, "_get_task_map_length", _measure),
    ]
    with ExitStack() as stack:
        for owner, name, make in replacements:
            stack.enter_context(replaced(owner, name, make(getattr(owner, name))))
        yield


class _Rows:
    """The rows of a model, read and written column by column, with the conversions of their types."""

    def __init__(self, model: Any) -> None:
        from airflow import settings

        mapper, dialect = model.__mapper__, settings.engine.dialect
        self.table = mapper.local_table.name
        self.columns = {attribute.key: attribute.columns[0] for attribute in mapper.column_attrs}
        self.relations = frozenset(mapper.relationships.keys())
        self.key = [
            attribute
            for attribute in ("dag_id", "run_id", "task_id", "map_index")
            if attribute in self.columns
        ]
        self.where = " AND ".join(f"{self.columns[name].name} = ?" for name in self.key)
        self.read_as = {
            key: column.type._cached_result_processor(dialect, None) for key, column in self.columns.items()
        }
        self.write_as = {
            key: column.type._cached_bind_processor(dialect) for key, column in self.columns.items()
        }

    def read(self, one: Any, session: Any) -> dict[str, Any] | None:
        """Return the values of the row of *one* by attribute; None where there is none."""
        names = ", ".join(f'"{column.name}"' for column in self.columns.values())
        found = _first(session, f"SELECT {names} FROM {self.table} WHERE {self.where}", *self._key_of(one))
        if found is None:
            return None
        converted = zip(self.read_as.items(), found, strict=True)
        return {key: convert(value) if convert else value for (key, convert), value in converted}

    def write(self, one: Any, session: Any) -> None:
        """Write what *one* holds of its row."""
        values = {
            key: value for key, value in vars(one).items() if key in self.columns and key not in self.key
        }
        names = ", ".join(f'"{self.columns[key].name}" = ?' for key in values)
        written = [
            convert(value) if (convert := self.write_as[key]) else value for key, value in values.items()
        ]
        session.connection().exec_driver_sql(
            f"UPDATE {self.table} SET {names} WHERE {self.where}", (*written, *self._key_of(one))
        )

    def loaded_relations(self, one: Any) -> set[str]:
        """Return the names of the related objects that *one* holds, and that would be written with it."""
        return set(self.relations & vars(one).keys())

    def _key_of(self, one: Any) -> tuple[Any, ...]:
        return tuple(getattr(one, name) for name in self.key)


def _first(session: Any, statement: str, *values: Any) -> Any:
    return session.connection().exec_driver_sql(statement, values).first()


def _is_apart(one: Any, session: Any) -> bool:
    """Return whether *one* stands for a row, and no session holds it or another object for it."""
    from sqlalchemy import inspect

    state = inspect(one)
    return bool(state.detached) and state.key not in session.identity_map


def _refresh_by(rows: _Rows, original: Any) -> Callable[..., Any]:
    """Read the row once. In 2.11 `refresh_from_db` reads that of an object in the session twice, and its note each time."""
    from airflow.models import taskinstance

    def refresh_from_db(ti: Any, session: Any = None, lock_for_update: bool = False) -> None:
        """Read the row of an instance, by one statement where no session holds it."""
        if session is None:
            original(ti, lock_for_update=lock_for_update)
        elif ti in session:
            session.refresh(ti, rows.columns.keys())
        elif not _is_apart(ti, session):
            original(ti, session=session, lock_for_update=lock_for_update)
        elif (values := rows.read(ti, session)) is None:
            ti.state = None
        else:
            taskinstance._set_ti_attrs(ti, SimpleNamespace(**{**values, "note": None}))

    return refresh_from_db


def _save_by(rows: _Rows, runs: _Rows, original: Any) -> Callable[..., Any]:
    """Write the row alone where Airflow would merge the instance, its run, its note and its trigger into the session."""
    from airflow.utils import timezone

    def save_to_db(ti: Any, session: Any = None, refresh_dag: bool = True) -> None:
        """Write the row of an instance, alone where nothing else has changed."""
        if session is None or not _is_apart(ti, session) or not _stands_alone(ti, session, rows, runs):
            original(ti, **({} if session is None else {"session": session}), refresh_dag=refresh_dag)
            return
        ti.updated_at = timezone.utcnow()
        session.flush()
        rows.write(ti, session)
        session.commit()

    return save_to_db


def _stands_alone(ti: Any, session: Any, rows: _Rows, runs: _Rows) -> bool:
    """Return whether nothing but the row of *ti* is to be written: its run is as the database has it."""
    if rows.loaded_relations(ti) - {"dag_run", "rendered_task_instance_fields"}:
        return False
    run = vars(ti).get("dag_run")
    if run is None or runs.loaded_relations(run) or not _is_apart(run, session):
        return False
    values = runs.read(run, session)
    held = {key: value for key, value in vars(run).items() if key in runs.columns}
    try:
        return values is not None and held == {key: values[key] for key in held}
    except Exception:  # what a run's conf holds may not want to be compared
        return False


def _find_previous(original: Any) -> Callable[..., Any]:
    """Find no earlier run where the DAG has no other run."""

    def get_previous_dagrun(dag_run: Any, state: Any = None, session: Any = None) -> Any:
        """Return the run before this one; None where the DAG has no other."""
        if session is None:
            return original(dag_run, state)
        others = "SELECT 1 FROM dag_run WHERE dag_id = ? AND id <> ?"
        if dag_run.id is not None and _first(session, others, dag_run.dag_id, dag_run.id) is None:
            return None
        return original(dag_run, state, session=session)

    return get_previous_dagrun


def _clear(original: Any) -> Callable[..., Any]:
    """Load no XComs to delete them where there are none."""

    def clear(*args: Any, **given: Any) -> None:
        """Delete the XComs of an instance, if there are any."""
        session, known = given.get("session"), {"dag_id", "task_id", "run_id", "map_index", "session"}
        if not args and session is not None and given.keys() == known and given["run_id"] is not None:
            wanted = [given["dag_id"], given["task_id"], given["run_id"]]
            statement = "SELECT 1 FROM xcom WHERE dag_id = ? AND task_id = ? AND run_id = ?"
            if given["map_index"] is not None:
                wanted.append(given["map_index"])
                statement += " AND map_index = ?"
            if _first(session, statement, *wanted) is None:
                session.commit()
                return
        original(*args, **given)

    return clear


def _pull(original: Any) -> Callable[..., Any]:
    """Read the XCom of one instance by one statement; the scheduler looks for that of a branch for every instance."""
    from airflow.models import xcom

    columns = "SELECT run_id, task_id, dag_id, map_index, value FROM xcom"
    statement = f'{columns} WHERE dag_id = ? AND run_id = ? AND task_id = ? AND "key" = ?'

    def pull(**given: Any) -> Any:
        """Return one XCom, or what the original makes of any other request."""
        task_id, index, session = given["task_ids"], given["map_indexes"], given.get("session")
        dag_id = given["dag_id"] or given["ti"].dag_id
        own = xcom.XCom.get_many is xcom.BaseXCom.get_many and not given["include_prior_dates"]
        if (
            session is None
            or not own
            or not all(isinstance(name, str) for name in (dag_id, task_id, given["key"]))
        ):
            return original(**given)
        wanted, only = [dag_id, given["ti"].run_id, task_id, given["key"]], " LIMIT 2"
        if type(index) is int:
            wanted.append(index)
            only = " AND map_index = ?"
        elif index is not None:
            return original(**given)
        found = session.connection().exec_driver_sql(statement + only, tuple(wanted)).all()
        if not found:
            return given["default"]
        if len(found) == 1 and (index is not None or found[0].map_index < 0):
            return xcom.XCom.deserialize_value(found[0])
        return original(**given)

    return pull


def _push(original: Any) -> Callable[..., Any]:
    """Write an XCom that replaces none by one statement. What a backend makes of a value, if no bytes, is left to the ORM."""
    from airflow.models.xcom import LazySelectSequence
    from airflow.utils import timezone

    rows = (
        "SELECT id FROM dag_run WHERE dag_id = ? AND run_id = ?",
        (
            'SELECT 1 FROM xcom WHERE dag_id = ? AND run_id = ? AND task_id = ? AND map_index = ? AND "key" = ?'
        ),
    )
    insert = (
        'INSERT INTO xcom (dag_id, run_id, task_id, map_index, "key", dag_run_id, value, timestamp) '
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    )
    names = {"key", "value", "dag_id", "run_id", "task_id", "map_index", "session"}

    def push(cls: Any, *args: Any, **given: Any) -> None:
        """Store an XCom; one that replaces another is left to the original."""
        if (
            args
            or given.keys() != names
            or not given["session"]
            or isinstance(given["value"], LazySelectSequence)
        ):
            original(cls, *args, **given)
            return
        session = given["session"]
        wanted = [given[name] for name in ("dag_id", "run_id", "task_id", "map_index", "key")]
        run = _first(session, rows[0], *wanted[:2])
        if run is None or _first(session, rows[1], *wanted) is not None:
            original(cls, **given)
            return
        value = cls.serialize_value(**{name: given[name] for name in names - {"session"}})
        session.flush()
        if type(value) is bytes:
            written = timezone.utcnow().replace(tzinfo=None).isoformat(" ", "microseconds")
            session.connection().exec_driver_sql(insert, (*wanted, run[0], value, written))
        else:
            row = {name: given[name] for name in names - {"session"}}
            session.add(cls(**{**row, "dag_run_id": run[0], "value": value}))
            session.flush()

    return push


def _measure(original: Any) -> Callable[..., Any]:
    """Read the length of one output by a statement that need not be made anew."""

    def get_task_map_length(*, dag_id: str, task_id: str, run_id: str, is_mapped: bool, session: Any) -> Any:
        """Return the length of an output; that of a mapped task is left to the original."""
        if is_mapped:
            return original(
                dag_id=dag_id, task_id=task_id, run_id=run_id, is_mapped=is_mapped, session=session
            )
        statement = (
            "SELECT length FROM task_map WHERE dag_id = ? AND task_id = ? AND run_id = ? AND map_index < 0"
        )
        found = _first(session, statement, dag_id, task_id, run_id)
        return None if found is None else found[0]

    return get_task_map_length


def _do_nothing(*args: Any, **kwargs: Any) -> None:
    """Stand in for what writes rows that are never read."""
