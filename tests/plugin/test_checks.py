from __future__ import annotations

import pytest

from pytest_dynadag.findings import Finding
from pytest_dynadag.generate.records import Failure, FileRecord
from pytest_dynadag.graph.sources import Output, Product
from pytest_dynadag.graph.structure import Group, Structure, Task
from pytest_dynadag.location import Location
from pytest_dynadag.plugin.checks import CheckFailure, check_expansions, check_imports


def over(task_id: str) -> Product:
    """Map over the output of a task."""
    return Product((("x", Output(task_id)),))


def test_an_empty_source_is_told_with_what_it_does() -> None:
    """What is skipped when there is nothing to map over is said, one source a line."""
    tasks = (
        Task(task_id="names"),
        Task(task_id="load", mapping=over("names"), upstream=("names",)),
        Task(task_id="report", upstream=("load",)),
        Task(task_id="close", upstream=("report",), trigger_rule="all_done"),
    )

    assert "names=0: load skipped, report skipped" == check_expansions(
        Structure("d", tasks), lambda plans: None
    )


def test_a_dag_without_sources_has_nothing_to_tell() -> None:
    """Where nothing is decided at run time, no source can be empty."""
    assert "" == check_expansions(Structure("d", (Task(task_id="a"),)), lambda plans: None)


def test_a_finding_is_told_once_with_the_lengths_it_appears_at() -> None:
    """The message has each finding once, and the failure carries them."""
    tasks = (
        Task(task_id="names"),
        Task(task_id="each.load", group_id="each", upstream=("names",)),
        Task(
            task_id="report", mapping=over("each.load"), upstream=("each.load",), location=Location("a.py", 7)
        ),
    )

    with pytest.raises(CheckFailure) as caught:
        check_expansions(Structure("d", tasks, (Group("each", mapping=over("names")),)), lambda plans: None)

    assert ["DYN303"] == [finding.rule for finding in caught.value.findings]
    first, *_, last = str(caught.value).splitlines()
    assert first.startswith("a.py:7: DYN303 report is mapped over each.load")
    assert "  seen with names=1, names=2, names=5" == last


def test_all_failures_of_a_file_are_told_at_once() -> None:
    """A file with two broken DAGs says both."""
    findings = [Finding("DYN401", None, Location("a.py", line), f"error {line}") for line in (1, 2)]
    record = FileRecord("a.py", failures=tuple(map(Failure, findings)))

    with pytest.raises(CheckFailure) as caught:
        check_imports(record)

    assert "a.py:1: DYN401 error 1\n\na.py:2: DYN401 error 2" == str(caught.value)
    assert tuple(findings) == caught.value.findings
