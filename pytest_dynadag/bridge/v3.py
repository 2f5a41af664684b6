"""What we need from Airflow, answered by 3.0 to 3.3."""

# ruff: noqa: SLF001 - Airflow's private names are used here and nowhere else

from __future__ import annotations

import importlib
import inspect
import logging
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pytest_dynadag.bridge.patching import replaced
from pytest_dynadag.bridge.protocol import Watcher
from pytest_dynadag.bridge.restore import contain_end, end_forked
from pytest_dynadag.bridge.running import key_of, query_run, watch_rendering, watch_resolving

# Where the code that parses a file stands: from 3.2 on, and before.
_PARSERS = (
    "airflow.sdk.importers.python_importer",
    "airflow.dag_processing.importers.python_importer",
    "airflow.dag_processing.dagbag",
    "airflow.models.dagbag",
)

_BUNDLE = "pytest-dynadag"


class Bridge3:
    """The bridge to Airflow 3: authors use `airflow.sdk`, the scheduler its serialized counterparts."""

    family = "3"

    def list_dag_files(self, folder: Path) -> list[str]:
        """List the files below *folder* that Airflow would parse (`airflow/utils/file.py`, 3.3)."""
        try:
            from airflow.utils.file import list_py_file_paths
        except ImportError:  # from 3.4 on, importers say what they would import
            return _list_definitions(folder)

        known = inspect.signature(list_py_file_paths).parameters
        options = {"include_examples": False} if "include_examples" in known else {}
        return list(list_py_file_paths(str(folder), **options))

    def make_bag(self) -> Any:
        """Make an empty DagBag in memory; it has moved in 3.2 and lost an argument in 3.3."""
        try:
            from airflow.dag_processing.dagbag import DagBag
        except ImportError:
            from airflow.models.dagbag import DagBag
        known = inspect.signature(DagBag).parameters
        options = {"include_examples": False, "read_dags_from_db": False, "collect_dags": False}
        return DagBag("/", **{name: value for name, value in options.items() if name in known})

    @contextmanager
    def clean_contexts(self) -> Iterator[None]:
        """Empty the stacks of open DAGs and task groups, and put them back afterwards."""
        from airflow.sdk.definitions._internal.contextmanager import DagContext, TaskGroupContext

        stacks = (DagContext._context, TaskGroupContext._context)
        before = [list(stack) for stack in stacks]
        for stack in stacks:
            stack.clear()
        try:
            yield
        finally:
            DagContext.autoregistered_dags.clear()
            DagContext.current_autoregister_module_name = None
            for stack, entries in zip(stacks, before, strict=True):
                stack.clear()
                stack.extend(entries)

    @contextmanager
    def leave_signals_alone(self) -> Iterator[None]:
        """
        Keep Airflow's handler for segmentation faults out, which returns to the faulting instruction for ever.

        Source: `airflow/dag_processing/importers/python_importer.py`, 3.3. faulthandler's own hook, which is
        invisible to `signal.getsignal`, stays in place that way.
        """
        ours = SimpleNamespace(**{**vars(signal), "signal": _set_unless_fault})
        with ExitStack() as stack:
            for module in map(_import_if_there, _PARSERS):
                if hasattr(module, "signal"):
                    stack.enter_context(replaced(module, "signal", ours))
            yield

    def is_mapped(self, task: Any) -> bool:
        """Say whether *task* itself is mapped."""
        return bool(task.is_mapped)

    def make_skip(self, why: str) -> Exception:
        """Make an AirflowSkipException."""
        error: Exception = _exceptions().AirflowSkipException(why)
        return error

    def make_failure(self, why: str) -> Exception:
        """Make an AirflowFailException."""
        error: Exception = _exceptions().AirflowFailException(why)
        return error

    def unmap(self, ti: Any, context: Any) -> None:
        """Do the first half of `MappedOperator.render_template_fields` (`sdk/definitions/mappedoperator.py`, 3.3)."""
        from airflow.sdk.execution_time.context import context_update_for_unmapped

        values, _ = ti.task._expand_mapped_kwargs(context)
        context_update_for_unmapped(context, ti.task.unmap(values))
        ti.is_mapped = True

    def resolve(self, expand_input: Any, context: Any) -> Mapping[str, Any]:
        """Ask an expand input for the values of one instance."""
        values, _ = expand_input.resolve(context)
        return dict(values)

    def read_reference(self, value: Any, context: Any) -> Any:
        """Resolve an XComArg; give anything else as it is."""
        from airflow.sdk.definitions.xcom_arg import XComArg

        return value.resolve(context) if isinstance(value, XComArg) else value

    def references_of(self, task: Any) -> set[str]:
        """Follow the XComArgs in a task's templated arguments, or in what a mapped one is made with."""
        from airflow.sdk.definitions.xcom_arg import XComArg

        arguments = task.partial_kwargs if self.is_mapped(task) else task
        return {operator.task_id for operator, _ in XComArg.iter_xcom_references(arguments)}

    def make_smallest_dag(self) -> Any:
        """Make a DAG of one task that pushes an XCom to a mapped one."""
        from airflow.sdk import dag, task

        with self.clean_contexts():
            return dag(dag_id="dynadag_smallest", schedule=None)(lambda: _two_tasks(task))()

    @contextmanager
    def stored(self, dag: Any, siblings: Iterable[Any]) -> Iterator[None]:
        """
        Write the DAGs as if a bundle held them, and let `dag.test()` find no bundle to parse.

        Without, `dag.test()` refuses a DAG that is in no bundle, and parses every file of one that is, at
        every call (`sdk/definitions/dag.py`, 3.3).
        """
        from airflow.dag_processing.bundles.manager import DagBundlesManager

        _write_dags([dag, *siblings])
        with (
            replaced(DagBundlesManager, "sync_bundles_to_db", _sync_nothing),
            replaced(DagBundlesManager, "get_all_dag_bundles", _list_nothing),
        ):
            yield

    @contextmanager
    def watched(self, watcher: Watcher) -> Iterator[None]:
        """Listen to `task_runner.run`, what surrounds it, `render_templates` and the expand inputs."""
        from airflow.sdk.definitions._internal import expandinput
        from airflow.sdk.execution_time import task_runner

        inputs = (expandinput.DictOfListsExpandInput, expandinput.ListOfDictsExpandInput)
        with ExitStack() as stack:
            for owner, name, make in (
                (task_runner, "run", _watch_run),
                (task_runner, "_execute_task", end_forked),
                (task_runner, "finalize", contain_end),
                (task_runner.RuntimeTaskInstance, "render_templates", watch_rendering),
                *((owner, "resolve", watch_resolving) for owner in inputs),
            ):
                stack.enter_context(replaced(owner, name, make(getattr(owner, name), watcher)))
            stack.enter_context(_without_chatter())
            yield

    @contextmanager
    def supervised(self, watcher: Watcher) -> Iterator[None]:
        """Listen to the supervisor of `dag.test()`, and mend what it does to the dates of reschedules."""
        from airflow.sdk.api.client import TaskInstanceOperations
        from airflow.sdk.execution_time.supervisor import InProcessTestSupervisor

        start = _watch_start(InProcessTestSupervisor.start.__func__, watcher)
        ask = TaskInstanceOperations.get_reschedule_start_date
        with (
            replaced(InProcessTestSupervisor, "start", start),
            replaced(TaskInstanceOperations, ask.__name__, _read_date(ask)),
        ):
            yield

    def test(self, dag: Any, at: datetime | None, conf: Mapping[str, Any]) -> Any:
        """Call `dag.test()`."""
        when = {"logical_date": at, "run_after": at} if at else {}
        return dag.test(run_conf=dict(conf) or None, **when)

    def test_frames(self, dag: Any) -> tuple[Any, Any]:
        """Give the code object of `DAG.test`, and its module (`sdk/definitions/dag.py`, 3.3)."""
        from airflow.sdk.definitions import dag as module

        return inspect.unwrap(module.DAG.test).__code__, module

    def read_label(self, ti: Any) -> str | None:
        """Read the rendered `map_index_template` of a row; the plain property falls back to the index."""
        return getattr(ti, "_rendered_map_index", None)

    def read_xcoms(self, dag_id: str, run_id: str) -> dict[tuple[str, int, str], Any]:
        """Read the XComs of a run through the configured XCom backend."""
        from airflow.models.xcom import XComModel
        from airflow.sdk.execution_time.xcom import XCom

        rows = query_run(XComModel, dag_id, run_id)
        return {(row.task_id, row.map_index, row.key): XCom.deserialize_value(row) for row in rows}


def _exceptions() -> Any:
    """Give the module that has the exceptions of tasks; it has moved in 3.2."""
    found = _import_if_there("airflow.sdk.exceptions")
    return found if hasattr(found, "AirflowSkipException") else importlib.import_module("airflow.exceptions")


def _two_tasks(task: Any) -> None:
    numbers = task(task_id="list_numbers")(lambda: [0])()
    task(task_id="take")(lambda number: number).expand(number=numbers)


def _watch_run(original: Any, watcher: Watcher) -> Any:
    def run(ti: Any, context: Any, log: Any) -> Any:
        with watcher.around(key_of(ti)):
            state, message, error = original(ti, context, log)
        if error is not None:
            watcher.failed(key_of(ti), error)
        return state, message, error

    return run


def _watch_start(original: Any, watcher: Watcher) -> Any:
    """Note what goes wrong around the task runner: `dag.test()` fails the instance, and says so in its log alone."""

    def start(cls: Any, /, *, what: Any, **arguments: Any) -> Any:
        try:
            return original(cls, what=what, **arguments)
        except Exception as error:
            watcher.failed(key_of(what), error)
            raise

    return classmethod(start)


def _read_date(original: Any) -> Any:
    """Make a time of the text that the API gives: within one process, nobody does (`InProcessSupervisorComms`, 3.0)."""

    def ask(operations: Any, *args: Any, **kwargs: Any) -> Any:
        answer = original(operations, *args, **kwargs)
        return type(answer).model_validate(answer.model_dump(warnings=False))

    return ask


@contextmanager
def _without_chatter() -> Iterator[None]:
    """Keep what Airflow tells itself out of what tasks say: 3.0 leaves structlog as it comes, and prints all of it."""
    import structlog

    if structlog.is_configured():  # from 3.1 on, by the levels of our own configuration
        yield
        return
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.reset_defaults()


def _sync_nothing(manager: Any, **kwargs: Any) -> None:
    """Stand in for `sync_bundles_to_db`."""


def _list_nothing(manager: Any) -> Iterator[Any]:
    """Stand in for `get_all_dag_bundles`."""
    return iter(())


def _write_dags(dags: list[Any]) -> None:
    from airflow.dag_processing.collection import update_dag_parsing_results_in_db
    from airflow.models.dagbundle import DagBundleModel
    from airflow.utils.session import create_session

    known = inspect.signature(update_dag_parsing_results_in_db).parameters
    options: dict[str, Any] = {"parse_duration": None, "files_parsed": set()}
    with create_session() as session:
        session.merge(DagBundleModel(name=_BUNDLE))
        session.commit()
        update_dag_parsing_results_in_db(
            bundle_name=_BUNDLE,
            bundle_version=None,
            dags=_serialize(dags),
            import_errors={},
            warnings=set(),
            session=session,
            **{name: value for name, value in options.items() if name in known},
        )


def _serialize(dags: list[Any]) -> list[Any]:
    """Serialize the first, which is to run, and of the others those that can be."""
    from airflow.serialization.serialized_objects import LazyDeserializedDAG

    written = []
    for position, dag in enumerate(dags):
        try:
            written.append(_serialize_one(LazyDeserializedDAG, dag))
        except Exception:
            if not position:
                raise
    return written


def _serialize_one(lazy: Any, dag: Any) -> Any:
    # A DAG that was built in a test was never bagged, which would have set this.
    if not getattr(dag, "relative_fileloc", None):
        dag.relative_fileloc = dag.fileloc
    if hasattr(lazy, "from_dag"):
        return lazy.from_dag(dag)
    from airflow.serialization.serialized_objects import SerializedDAG

    return lazy(data=SerializedDAG.to_dict(dag))


def _set_unless_fault(number: int, handler: Callable[..., Any]) -> Any:
    return None if number == signal.SIGSEGV else signal.signal(number, handler)


def _list_definitions(folder: Path) -> list[str]:
    from airflow.configuration import conf
    from airflow.dag_processing.bundles.local import LocalDagBundle
    from airflow.sdk.importers import DagImportError, get_importer_registry
    from airflow.utils.file import find_enclosing_file

    bundle = LocalDagBundle(name="dynadag", path=str(folder))
    safe = conf.getboolean("core", "dag_discovery_safe_mode")
    found: dict[str, None] = {}
    for _, item in get_importer_registry().list_dag_definitions(bundle, safe_mode=safe):
        where = folder / item.source_reference if isinstance(item, DagImportError) else Path(repr(item))
        found[str(find_enclosing_file(where) or where)] = None
    return list(found)


def _import_if_there(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
