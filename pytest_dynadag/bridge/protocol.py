"""What we need from Airflow, whatever its version: v2 and v3 each answer it, and nobody else asks Airflow."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol


class Bridge(Protocol):
    """The part of Airflow that loading needs, as one family of versions answers it."""

    family: str
    """`2` or `3`."""

    def list_dag_files(self, folder: Path) -> list[str]:
        """List the files below *folder* that Airflow would parse: .airflowignore and safe mode observed."""

    def make_bag(self) -> Any:
        """Make an empty DagBag in memory, without examples and without a database."""

    def clean_contexts(self) -> AbstractContextManager[None]:
        """Parse inside no DAG and no task group, whatever an earlier parse left open (#B5 in both families)."""

    def leave_signals_alone(self) -> AbstractContextManager[None]:
        """Keep Airflow from putting its own handler for segmentation faults in place of the process's."""
