"""What we need from Airflow, answered by 2.10 and 2.11."""

# ruff: noqa: SLF001, AIR311 - Airflow's private and its old names are used here and nowhere else

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from pytest_dynadag.bridge.patching import replaced
from pytest_dynadag.bridge.protocol import Watcher
from pytest_dynadag.bridge.restore import ProcessEnded, contain_end, end_forked
from pytest_dynadag.bridge.running import key_of, watch_rendering, watch_resolving


class Bridge2:
    """The bridge to Airflow 2: authors, scheduler and worker use the same classes."""

    family = "2"

    def list_dag_files(self, folder: Path) -> list[str]:
        """List the files below *folder* that Airflow would parse (`airflow/utils/file.py`, 2.11)."""
        from airflow.utils.file import list_py_file_paths

        return list(list_py_file_paths(str(folder), include_examples=False))

    def make_bag(self) -> Any:
        """Make an empty DagBag in memory."""
        from airflow.models.dagbag import DagBag

        known = inspect.signature(DagBag).parameters
        options = {"include_examples": False, "read_dags_from_db": False, "collect_dags": False}
        return DagBag("/", **{name: value for name, value in options.items() if name in known})

    @contextmanager
    def clean_contexts(self) -> Iterator[None]:
        """Empty the stacks of open DAGs and task groups, and put them back afterwards."""
        from airflow.models.dag import DagContext
        from airflow.utils.task_group import TaskGroupContext as Groups

        dags = list(DagContext._context_managed_dags)
        groups = (
            Groups.active,
            Groups._context_managed_task_group,
            list(Groups._previous_context_managed_task_groups),
        )
        _set_contexts([], (False, None, []))
        try:
            yield
        finally:
            _set_contexts(dags, groups)

    def leave_signals_alone(self) -> AbstractContextManager[None]:
        """Do nothing: Airflow 2 sets no handler for segmentation faults."""
        return nullcontext()

    def is_mapped(self, task: Any) -> bool:
        """Say whether *task* itself is mapped."""
        from airflow.models.mappedoperator import MappedOperator

        return isinstance(task, MappedOperator)

    def make_skip(self, why: str) -> Exception:
        """Make an AirflowSkipException."""
        from airflow.exceptions import AirflowSkipException

        error: Exception = AirflowSkipException(why)
        return error

    def make_failure(self, why: str) -> Exception:
        """Make an AirflowFailException."""
        from airflow.exceptions import AirflowFailException

        error: Exception = AirflowFailException(why)
        return error

    def unmap(self, ti: Any, context: Any) -> None:
        """Do the first half of `MappedOperator.render_template_fields` (`models/mappedoperator.py`, 2.11)."""
        from airflow.utils.context import context_update_for_unmapped
        from airflow.utils.task_instance_session import get_current_task_instance_session

        session = get_current_task_instance_session()
        values, _ = ti.task._expand_mapped_kwargs(context, session, include_xcom=True)
        context_update_for_unmapped(context, ti.task.unmap(values))
        ti.task = context["ti"].task

    def resolve(self, expand_input: Any, context: Any) -> Mapping[str, Any]:
        """Ask an expand input for the values of one instance."""
        from airflow.utils.task_instance_session import get_current_task_instance_session

        values, _ = expand_input.resolve(context, get_current_task_instance_session())
        return dict(values)

    def read_reference(self, value: Any, context: Any) -> Any:
        """Resolve an XComArg; give anything else as it is."""
        from airflow.models.xcom_arg import XComArg
        from airflow.utils.task_instance_session import get_current_task_instance_session

        return (
            value.resolve(context, session=get_current_task_instance_session())
            if isinstance(value, XComArg)
            else value
        )

    def references_of(self, task: Any) -> set[str]:
        """Follow the XComArgs in a task's templated arguments, or in what a mapped one is made with."""
        from airflow.models.xcom_arg import XComArg

        arguments = task.partial_kwargs if self.is_mapped(task) else task
        return {operator.task_id for operator, _ in XComArg.iter_xcom_references(arguments)}

    def make_smallest_dag(self) -> Any:
        """Make a DAG of one task that pushes an XCom to a mapped one."""
        from airflow.decorators import dag, task

        with self.clean_contexts():
            return dag(dag_id="dynadag_smallest", schedule=None)(lambda: _two_tasks(task))()

    @contextmanager
    def stored(self, dag: Any, siblings: Iterable[Any]) -> Iterator[None]:
        """Write the DAGs, so that a TriggerDagRunOperator finds them; 2.11 parses no file by itself."""
        from airflow.models.dag import DAG
        from airflow.models.serialized_dag import SerializedDagModel

        DAG.bulk_write_to_db([dag, *siblings])
        for sibling in siblings:
            # What cannot be serialised cannot be triggered, and says so when somebody tries.
            with suppress(Exception):
                SerializedDagModel.write_dag(sibling)
        yield

    @contextmanager
    def watched(self, watcher: Watcher) -> Iterator[None]:
        """Listen to `TaskInstance._run_raw_task`, `render_templates`, `handle_failure` and the expand inputs."""
        from airflow.models import expandinput
        from airflow.models.taskinstance import TaskInstance

        inputs = (expandinput.DictOfListsExpandInput, expandinput.ListOfDictsExpandInput)
        with ExitStack() as stack:
            for owner, name, make in (
                (TaskInstance, "_run_raw_task", _watch_run),
                (TaskInstance, "_execute_task", end_forked),
                (TaskInstance, "render_templates", watch_rendering),
                (TaskInstance, "handle_failure", _watch_failure),
                *((owner, "resolve", watch_resolving) for owner in inputs),
            ):
                stack.enter_context(replaced(owner, name, make(getattr(owner, name), watcher)))
            yield

    def supervised(self, watcher: Watcher) -> AbstractContextManager[None]:
        """Do nothing: Airflow 2 has no supervisor."""
        return nullcontext()

    def test(self, dag: Any, at: datetime | None, conf: Mapping[str, Any]) -> Any:
        """Call `dag.test()`; what 2.x calls execution date is the logical date."""
        return dag.test(execution_date=at, run_conf=dict(conf) or None)

    def test_frames(self, dag: Any) -> tuple[Any, Any]:
        """Give the code object of `DAG.test`, and its module (`models/dag.py`, 2.11)."""
        from airflow.models import dag as module

        return inspect.unwrap(module.DAG.test).__code__, module

    def read_label(self, ti: Any) -> str | None:
        """Read the rendered `map_index_template` of a row; the column is newer than 2.8."""
        return getattr(ti, "rendered_map_index", None)

    def read_xcoms(self, dag_id: str, run_id: str) -> dict[tuple[str, int, str], Any]:
        """Read the XComs of a run through the configured XCom backend."""
        from airflow import settings
        from airflow.models.xcom import BaseXCom, XCom
        from sqlalchemy import select

        # Column by column: loading the object would deserialise its value already, and not as the backend does.
        names = ("task_id", "map_index", "key", "value", "dag_id", "run_id", "timestamp")
        statement = select(*(getattr(BaseXCom, name) for name in names))
        rows = (
            settings.Session()
            .execute(statement.where(BaseXCom.dag_id == dag_id, BaseXCom.run_id == run_id))
            .all()
        )
        return {(row.task_id, row.map_index, row.key): XCom.deserialize_value(row) for row in rows}


def _two_tasks(task: Any) -> None:
    numbers = task(task_id="list_numbers")(lambda: [0])()
    task(task_id="take")(lambda number: number).expand(number=numbers)


def _watch_run(original: Any, watcher: Watcher) -> Any:
    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        """Run an instance, listen, and fail it where Airflow leaves it unstarted."""
        try:
            with watcher.around(key_of(self)):
                return original(self, *args, **kwargs)
        except (Exception, ProcessEnded, SystemExit) as error:
            ended = not isinstance(error, Exception)
            if self.state == "scheduled" or (ended and self.state != "failed"):
                _fail_unstarted(self, error, watcher)
            raise

    return run


def _fail_unstarted(ti: Any, error: BaseException, watcher: Watcher) -> None:
    """
    Fail an instance that Airflow could not start, or that ended before its state was written.

    `dag.test()` would try it again and again without end. A scheduler does it when the executor says that the
    process has failed (`jobs/scheduler_job_runner.py`, 2.11).
    """
    watcher.failed(key_of(ti), error)
    ti.set_state("failed")


def _watch_failure(original: Any, watcher: Watcher) -> Any:
    def handle_failure(self: Any, error: Any, *args: Any, **kwargs: Any) -> Any:
        """Note the error, then handle it; a callback that would end the process ends alone."""
        from airflow.models import taskinstance

        watcher.failed(key_of(self), error if isinstance(error, BaseException) else RuntimeError(error))
        # The state is written after the callbacks; the scheduler does it for a process that they have ended.
        call_back = contain_end(taskinstance._run_finished_callback)
        with replaced(taskinstance, "_run_finished_callback", call_back):
            return original(self, error, *args, **kwargs)

    return handle_failure


def _set_contexts(dags: list[Any], groups: tuple[bool, Any, list[Any]]) -> None:
    from airflow.models.dag import DagContext
    from airflow.utils.task_group import TaskGroupContext

    DagContext._context_managed_dags.clear()
    DagContext._context_managed_dags.extend(dags)
    DagContext.autoregistered_dags.clear()
    DagContext.current_autoregister_module_name = None
    TaskGroupContext.active, TaskGroupContext._context_managed_task_group, previous = groups
    TaskGroupContext._previous_context_managed_task_groups[:] = previous
