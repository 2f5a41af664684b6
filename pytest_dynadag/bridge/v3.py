"""What we need from Airflow, answered by 3.0 to 3.3."""

# ruff: noqa: SLF001 - Airflow's private names are used here and nowhere else

from __future__ import annotations

import importlib
import inspect
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

# Where the code that parses a file stands: from 3.2 on, and before.
_PARSERS = (
    "airflow.dag_processing.importers.python_importer",
    "airflow.dag_processing.dagbag",
    "airflow.models.dagbag",
)


class Bridge3:
    """The bridge to Airflow 3: authors use `airflow.sdk`, the scheduler its serialized counterparts."""

    family = "3"

    def list_dag_files(self, folder: Path) -> list[str]:
        """List the files below *folder* that Airflow would parse (`airflow/utils/file.py`, 3.3)."""
        from airflow.utils.file import list_py_file_paths

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
        modules = [module for module in map(_import_if_there, _PARSERS) if hasattr(module, "signal")]
        ours = SimpleNamespace(**{**vars(signal), "signal": _set_unless_fault})
        for module in modules:
            module.signal = ours
        try:
            yield
        finally:
            for module in modules:
                module.signal = signal


def _set_unless_fault(number: int, handler: Callable[..., Any]) -> Any:
    return None if number == signal.SIGSEGV else signal.signal(number, handler)


def _import_if_there(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
