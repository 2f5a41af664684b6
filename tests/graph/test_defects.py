"""Which Airflow defects are known, by version."""

from __future__ import annotations

import re

import pytest

from pytest_dynadag.graph.defects import DEFECTS, list_defects


@pytest.mark.parametrize(
    ("version", "number", "only_there"),
    [
        ("2.11.2", 6, "a branch or short circuit does not skip a task that is mapped over a literal"),
        (
            "3.0.6",
            9,
            "a task that runs below a mapped group without a length cannot be started (apache/airflow#52730)",
        ),
        ("3.1.8", 8, "a .concat() that is not the first argument of expand() is counted too long"),
        ("3.3.2", 7, "a branch or short circuit in a mapped group skips nothing (apache/airflow#67265)"),
        (
            "3.4.0",
            6,
            "a mapped group in a mapped group gets wrong arguments, or loses outputs (apache/airflow#30021)",
        ),
    ],
)
def test_a_version_has_its_defects(version: str, number: int, only_there: str) -> None:
    """Defects that were repaired, or that came later, are not said of a version."""
    found = [str(defect) for defect in list_defects(version)]

    assert number == len(found)
    assert only_there in found


def test_each_defect_is_in_some_version_and_says_its_issue_once() -> None:
    """No defect is listed that nobody can meet; an issue is a repository and a number."""
    known = {defect for version in ("2.10.5", "3.0.6", "3.2.2", "3.3.2") for defect in list_defects(version)}

    assert set(DEFECTS) == known
    assert all(re.fullmatch(r"(apache/airflow#\d+)?", defect.issue) for defect in DEFECTS)
