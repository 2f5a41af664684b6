"""Known Airflow defects that change what a DAG becomes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pytest_dynadag.findings import Finding
from pytest_dynadag.graph.expansion import TaskExpansion
from pytest_dynadag.graph.structure import Structure


def find_defects(structure: Structure, tasks: Iterable[TaskExpansion]) -> Iterator[Finding]:
    """Give a finding for each known defect that the DAG meets in the structure's version of Airflow."""
    return iter(())
