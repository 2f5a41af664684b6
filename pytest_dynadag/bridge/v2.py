"""What we need from Airflow, answered by 2.10 and 2.11."""

# ruff: noqa: SLF001 - Airflow's private names are used here and nowhere else

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any


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


def _set_contexts(dags: list[Any], groups: tuple[bool, Any, list[Any]]) -> None:
    from airflow.models.dag import DagContext
    from airflow.utils.task_group import TaskGroupContext

    DagContext._context_managed_dags.clear()
    DagContext._context_managed_dags.extend(dags)
    DagContext.autoregistered_dags.clear()
    DagContext.current_autoregister_module_name = None
    TaskGroupContext.active, TaskGroupContext._context_managed_task_group, previous = groups
    TaskGroupContext._previous_context_managed_task_groups[:] = previous
