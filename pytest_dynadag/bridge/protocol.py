"""What we need from Airflow, whatever its version: v2 and v3 each answer it, and nobody else asks Airflow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

Key = tuple[str, int]
"""A task id and a map index; -1 is an instance that is not mapped, or not expanded."""


@dataclass(frozen=True, slots=True)
class Row:
    """A task instance as the metadata database has it after a run."""

    task_id: str
    index: int
    state: str
    label: str | None
    try_number: int


class Watcher(Protocol):
    """Who listens while instances are executed."""

    def around(self, key: Key) -> AbstractContextManager[None]:
        """Enclose everything that happens in the worker for one instance."""

    def render(self, ti: Any, context: Any, render: Callable[[], Any]) -> Any:
        """Stand in for the rendering of an instance's templates; calls *render*, or not."""

    def resolved(self, expand_input: Any, context: Any, values: Mapping[str, Any]) -> None:
        """Take note of what an expand input gives an instance."""

    def failed(self, key: Key, error: BaseException) -> None:
        """Take note of an exception that ended an instance."""


RunTask = Callable[..., None]
"""Executes one instance in place of the `_run_task` of `dag.test()`, with its arguments: `ti`, and `session` on 2.x."""


class Bridge(Protocol):
    """The part of Airflow that loading and running need, as one family of versions answers it."""

    family: str
    """`2` or `3`."""

    # Loading

    def list_dag_files(self, folder: Path) -> list[str]:
        """List the files below *folder* that Airflow would parse: .airflowignore and safe mode observed."""

    def make_bag(self) -> Any:
        """Make an empty DagBag in memory, without examples and without a database."""

    def clean_contexts(self) -> AbstractContextManager[None]:
        """Parse inside no DAG and no task group, whatever an earlier parse left open (both families can)."""

    def leave_signals_alone(self) -> AbstractContextManager[None]:
        """Keep Airflow from putting its own handler for segmentation faults in place of the process's."""

    # Tasks

    def is_mapped(self, task: Any) -> bool:
        """Say whether *task* itself is mapped; a plain task in a mapped group is not."""

    def make_skip(self, why: str) -> Exception:
        """Make the exception by which a task says that it is skipped."""

    def make_failure(self, why: str) -> Exception:
        """Make the exception by which a task says that it fails, whatever its retries."""

    def unmap(self, ti: Any, context: Any) -> None:
        """Give a mapped instance its own operator, as rendering does, without rendering."""

    def resolve(self, expand_input: Any, context: Any) -> Mapping[str, Any]:
        """Ask an expand input what it gives the instance of *context*."""

    def read_reference(self, value: Any, context: Any) -> Any:
        """Give the output that *value* refers to, for the instance of *context*; anything else as it is."""

    def references_of(self, task: Any) -> set[str]:
        """Give the ids of the tasks whose outputs *task* takes as arguments, other than to be mapped over them."""

    # Runs

    def make_smallest_dag(self) -> Any:
        """Make a DAG of one task that pushes an XCom to a mapped one."""

    def stored(self, dag: Any, siblings: Iterable[Any]) -> AbstractContextManager[None]:
        """Write *dag* and its *siblings* to the database, and keep a run from parsing any file."""

    def watched(self, watcher: Watcher) -> AbstractContextManager[None]:
        """Let *watcher* listen to the worker."""

    def supervised(self, watcher: Watcher) -> AbstractContextManager[None]:
        """Let *watcher* listen to what `dag.test()` puts around the worker."""

    def test(self, dag: Any, at: datetime | None, conf: Mapping[str, Any]) -> Any:
        """Call Airflow's own `dag.test()`."""

    def test_frames(self, dag: Any) -> tuple[Any, Any]:
        """Give the code object of `DAG.test`, and the module whose `_run_task` it calls."""

    def read_label(self, ti: Any) -> str | None:
        """Read the rendered `map_index_template` of a row."""

    def read_xcoms(self, dag_id: str, run_id: str) -> dict[tuple[str, int, str], Any]:
        """Read the XComs of a run, deserialised, by task id, map index and key."""
