"""What both families do alike while `dag.test()` runs: the order of instances, waiting, and reading the result."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any

from pytest_dynadag.bridge import waiting
from pytest_dynadag.bridge.patching import replaced
from pytest_dynadag.bridge.protocol import Bridge, Key, Row, RunTask, Watcher
from pytest_dynadag.bridge.restore import TaskProcess
from pytest_dynadag.bridge.waiting import Patience, next_moment, too_often

IDLE_PASSES = 5
"""How often a run may find nothing to do in a row; `update_state` sometimes needs a second look."""


class RunStopped(BaseException):
    """Leaves `dag.test()` from inside, past its `except Exception`; *rows* are unfinished, *why* by key."""

    def __init__(self, rows: tuple[Row, ...], why: dict[Key, tuple[str, ...]]) -> None:
        self.rows, self.why = rows, why
        super().__init__("the run cannot finish")


def key_of(ti: Any) -> Key:
    """Give task id and map index of a task instance; -1 where it has none."""
    return ti.task_id, -1 if ti.map_index is None else ti.map_index


def watch_rendering(original: Any, watcher: Watcher) -> Any:
    """Let *watcher* stand in for `render_templates`, which both families call with the same arguments."""

    def render_templates(self: Any, context: Any = None, jinja_env: Any = None) -> Any:
        if context is None:
            return original(self, context, jinja_env)
        return watcher.render(self, context, lambda: original(self, context, jinja_env))

    return render_templates


def watch_resolving(original: Any, watcher: Watcher) -> Any:
    """Let *watcher* know what an expand input's `resolve` returns."""

    def resolve(self: Any, context: Any, *args: Any, **kwargs: Any) -> Any:
        values, seen = original(self, context, *args, **kwargs)
        watcher.resolved(self, context, values)
        return values, seen

    return resolve


@contextmanager
def impatient() -> Iterator[None]:
    """
    Let retries and rescheduled sensors be ready at once.

    Source: `TaskInstance.next_retry_datetime` (`models/taskinstance.py`) and `ReadyToRescheduleDep`
    (`ti_deps/deps/ready_to_reschedule.py`), alike in 2.11 and 3.3. The DAG keeps its `retry_delay`.
    """
    from airflow.models.taskinstance import TaskInstance
    from airflow.ti_deps.deps.ready_to_reschedule import ReadyToRescheduleDep

    with (
        replaced(TaskInstance, "next_retry_datetime", _long_ago),
        replaced(ReadyToRescheduleDep, "RESCHEDULEABLE_STATES", frozenset()),
    ):
        yield


def _long_ago(ti: Any) -> datetime:
    return datetime.now(timezone.utc) - timedelta(days=1)


@contextmanager
def paced(
    airflow: Bridge,
    dag: Any,
    order: Callable[[Sequence[Key]], Sequence[Key]],
    run_task: RunTask | None = None,
    patience: Patience | None = None,
) -> Iterator[None]:
    """
    Execute the instances of each wave in a fixed order, and stop a run that cannot finish.

    `DAG.test` goes through a wave in the order of a set: what it hands to its `_run_task` is collected here,
    and executed, sorted, when the wave is complete. Its size is what `DAG.test` itself counts: the scheduled
    ones among `DagRun.get_task_instances`.

    Args:
        airflow: The bridge.
        dag: The DAG that runs.
        order: Sorts the keys of a wave; may leave some for the next one.
        run_task: Executes an instance in place of the `_run_task` of `DAG.test`.
        patience: Lets the time pass where the run would wait.

    Raises:
        RunStopped: From inside `dag.test()`: nothing can be started any more.
    """
    from airflow.models.dagrun import DagRun

    code, module = airflow.test_frames(dag)
    wave = _Wave(dag, code, order, run_task or module._run_task, patience)  # noqa: SLF001 - alike in both families
    with ExitStack() as stack:
        stack.enter_context(replaced(module, "_run_task", wave.collect))
        for name, watch in (("update_state", wave.watch_state), ("get_task_instances", wave.watch_size)):
            stack.enter_context(replaced(DagRun, name, watch(getattr(DagRun, name))))
        stack.enter_context(replaced(time, "sleep", wave.watch_sleep(time.sleep)))
        stack.enter_context(
            closing(wave.process)
        )  # the first to be undone: it knows what was replaced before
        yield


class _Wave:
    """The instances that `DAG.test` has found ready, until they are executed together."""

    def __init__(
        self,
        dag: Any,
        code: Any,
        order: Callable[[Sequence[Key]], Sequence[Key]],
        run_task: RunTask,
        patience: Patience | None,
    ) -> None:
        self.dag, self.code, self.order, self.patience = dag, code, order, patience
        self.run_task = run_task
        self.waiting: dict[Key, dict[str, Any]] = {}
        self.looks: dict[Key, int] = {}
        self.size = self.idle = 0
        self.process = TaskProcess()
        self.dag_run: Any = None
        self.session: Any = None

    def collect(self, **arguments: Any) -> None:
        """Stand in for `_run_task`: execute the wave when this is the last of it."""
        self.idle = 0
        self.waiting[key_of(arguments["ti"])] = arguments
        if len(self.waiting) >= self.size:
            self.execute()

    def execute(self) -> None:
        """Execute what waits, in order."""
        wave, self.waiting = self.waiting, {}
        chosen = self.order(list(wave))  # what is left out stays scheduled, and comes with the next wave
        for key in chosen:
            if self.patience:
                self.patience.current = key
            with self.process:
                self.run_task(**wave[key])
            self.count_looks(key, wave[key]["ti"])

    def count_looks(self, key: Key, ti: Any) -> None:
        """Stop a sensor, or a trigger, that looks over and over."""
        if self.patience and self.patience.exhausted:
            raise RunStopped((Row(*key, "running", None, ti.try_number),), {key: (too_often(waiting.LOOKS),)})
        if _name(ti.state) != "up_for_reschedule":
            return
        self.looks[key] = self.looks.get(key, 0) + 1
        if self.looks[key] >= waiting.LOOKS:
            rows, why = explain(self.dag_run, self.session)
            raise RunStopped(rows, {**why, key: (too_often(waiting.LOOKS),)})

    def watch_state(self, update_state: Any) -> Any:
        """Remember the run, and stop one that has failed for want of anything to start."""

        def watched(dag_run: Any, session: Any = None, **kwargs: Any) -> Any:
            """Call, and remember the run; stop it where nothing can start."""
            result = update_state(dag_run, session=session, **kwargs)
            if dag_run.dag_id == self.dag.dag_id and session is not None:
                self.dag_run, self.session = dag_run, session
                if _name(dag_run.state) == "failed" and _unfinished(dag_run, session):
                    raise RunStopped(*explain(dag_run, session))
            return result

        return watched

    def watch_size(self, get_task_instances: Any) -> Any:
        """Count the ready instances where `DAG.test` does."""

        def watched(dag_run: Any, *args: Any, **kwargs: Any) -> Any:
            instances = get_task_instances(dag_run, *args, **kwargs)
            if _is_called_by(self.code):
                self.size = sum(_name(ti.state) == "scheduled" for ti in instances)
            return instances

        return watched

    def watch_sleep(self, sleep: Callable[[float], None]) -> Callable[[float], None]:
        """Count the idle passes of `DAG.test` in place of its sleeping; everybody else sleeps for real."""

        def watched(seconds: float) -> None:
            """Sleep, or let the clock jump where `DAG.test` is who waits."""
            if not _is_called_by(self.code):
                sleep(seconds)
                return
            self.idle += 1
            moment = next_moment(self.dag_run, self.session) if self.patience else None
            if self.idle >= IDLE_PASSES:
                raise RunStopped(*explain(self.dag_run, self.session))
            if self.patience and moment is not None:
                self.patience.wait_until(moment)

        return watched


def _is_called_by(code: Any) -> bool:
    """Say whether the caller of the calling function runs *code*: the only way to tell who asks."""
    return sys._getframe(2).f_code is code  # noqa: SLF001


def _name(state: Any) -> str:
    return str(getattr(state, "value", state) or "none")


def explain(dag_run: Any, session: Any) -> tuple[tuple[Row, ...], dict[Key, tuple[str, ...]]]:
    """Give the unfinished instances of a run, and Airflow's own reasons why each does not start."""
    from airflow.ti_deps.dep_context import DepContext

    rows, why = [], {}
    for ti in sorted(_unfinished(dag_run, session), key=key_of):
        ti.task = dag_run.dag.get_task(ti.task_id)
        failed = ti.get_failed_dep_statuses(dep_context=DepContext(), session=session)
        why[key_of(ti)] = tuple(f"{status.dep_name}: {status.reason}" for status in failed)
        rows.append(_row(ti, None))
    return tuple(rows), why


def _unfinished(dag_run: Any, session: Any) -> list[Any]:
    from airflow.utils.state import State

    instances = dag_run.get_task_instances(session=session)
    return [ti for ti in instances if ti.state not in State.finished]


def query_run(model: Any, dag_id: str, run_id: str) -> list[Any]:
    """Read the rows of *model* that belong to a run, in a new session."""
    from airflow import settings
    from sqlalchemy import select

    settings.Session.remove()
    statement = select(model).where(model.dag_id == dag_id, model.run_id == run_id)
    return list(settings.Session().scalars(statement))


def read_rows(airflow: Bridge, dag_id: str, run_id: str) -> tuple[Row, ...]:
    """Read the task instances of a run, by task id and map index."""
    from airflow.models.taskinstance import TaskInstance

    found = sorted(query_run(TaskInstance, dag_id, run_id), key=key_of)
    return tuple(_row(ti, airflow.read_label(ti)) for ti in found)


def _row(ti: Any, label: str | None) -> Row:
    return Row(*key_of(ti), _name(ti.state), label, ti.try_number or 0)
