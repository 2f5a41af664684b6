from __future__ import annotations

import pytest

from pytest_dynadag.allowances import read_allowances
from pytest_dynadag.findings import Finding
from pytest_dynadag.generate.records import Failure, FileRecord
from pytest_dynadag.graph.sizes import look_ahead
from pytest_dynadag.graph.sources import Output, Product
from pytest_dynadag.graph.structure import Group, Structure, Task
from pytest_dynadag.location import Location
from pytest_dynadag.plugin.checks import CheckFailure, check_expansions, check_imports


def over(task_id: str) -> Product:
    """Map over the output of a task."""
    return Product((("x", Output(task_id)),))


NEVER_READY = Structure(
    "d",
    (
        Task(task_id="names"),
        Task(task_id="each.load", group_id="each", upstream=("names",)),
        Task(
            task_id="report", mapping=over("each.load"), upstream=("each.load",), location=Location("a.py", 7)
        ),
    ),
    (Group("each", mapping=over("names")),),
)


def test_a_finding_is_told_once_with_the_lengths_it_appears_at() -> None:
    """The message has each finding once, and the failure carries them."""
    with pytest.raises(CheckFailure) as caught:
        check_expansions(look_ahead(NEVER_READY))

    assert ["DYN303"] == [finding.rule for finding in caught.value.findings]
    first, *_, seen, more = str(caught.value).splitlines()
    assert first.startswith("a.py:7: DYN303 report is mapped over each.load")
    assert "  seen with names=1, names=2, names=5" == seen
    assert "more: pytest --dynadag-explain DYN303" == more


def test_an_accepted_finding_is_no_failure() -> None:
    """What the project accepts comes back with the reason, from either check."""
    allowances = read_allowances(["DYN303:d = replaced soon", "DYN401 = needs a newer Airflow"])
    broken = Finding("DYN401", None, Location("a.py", 1), "error")

    assert [("DYN303", "replaced soon")] == [
        (finding.rule, reason) for finding, reason in check_expansions(look_ahead(NEVER_READY), allowances)
    ]
    assert ((broken, "needs a newer Airflow"),) == check_imports(
        FileRecord("a.py", failures=(Failure(broken),)), allowances
    )


def test_all_failures_of_a_file_are_told_at_once() -> None:
    """A file with two broken DAGs says both, and once how to read more about their rule."""
    findings = [Finding("DYN401", None, Location("a.py", line), f"error {line}") for line in (1, 2)]
    record = FileRecord("a.py", failures=tuple(map(Failure, findings)))

    with pytest.raises(CheckFailure) as caught:
        check_imports(record)

    assert "a.py:1: DYN401 error 1\n\na.py:2: DYN401 error 2\nmore: pytest --dynadag-explain DYN401" == str(
        caught.value
    )
    assert tuple(findings) == caught.value.findings
