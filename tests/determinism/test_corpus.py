"""The proof: planted defects are found with code and line, and what only looks guilty is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from expectations import CORPUS, read_expected

from pytest_dynadag.generate.divergences import Determinism, FileVerdict

pytestmark = pytest.mark.timeout(900)  # whole folders are parsed, on machines that do other things too

# What is known to be missed or placed otherwise; each with its reason. Empty: everything is found.
MISSED: dict[str, str] = {}


def _names(verdicts: list[FileVerdict]) -> list[str]:
    return sorted(Path(verdict.path).name for verdict in verdicts)


def test_the_corpus_is_large_enough() -> None:
    """There are at least 40 files of either kind, and every rule of determinism is planted several times."""
    planted = [read_expected(path) for path in (CORPUS / "planted").glob("*.py")]
    assert len(planted) >= 40
    assert len(list((CORPUS / "clean").glob("*.py"))) >= 40
    assert {f"DYN{number}" for number in range(101, 110)} == {entry.rule for entry in planted}


def test_every_planted_defect_is_found(planted: Determinism) -> None:
    """No planted file passes."""
    assert _names([file for file in planted.files if not file.divergences]) == sorted(MISSED)


def test_the_rule_is_the_right_one(planted: Determinism) -> None:
    """At least 95 % of the planted files are reported with their rule and no other."""
    wrong = [
        file
        for file in planted.files
        if {entry.rule for entry in file.divergences} != {read_expected(Path(file.path)).rule}
    ]
    assert len(wrong) <= 0.05 * len(planted.files), _names(wrong)


def test_the_line_is_the_right_one(planted: Determinism) -> None:
    """The line is named in at least 95 % of the files, also where the hash seed is the cause."""
    wrong = []
    for file in planted.files:
        location = file.divergences[0].location
        if (location and (location.file, location.line)) != read_expected(Path(file.path)).place:
            wrong.append(file)
    assert len(wrong) <= 0.05 * len(planted.files), _names(wrong)


def test_a_file_that_dies_under_one_circumstance_is_reported_for_it(planted: Determinism) -> None:
    """A file that ends its process under another clock is reported so, and the other files are judged."""
    file = next(file for file in planted.files if file.path.endswith("clock_kills.py"))
    (entry,) = file.divergences
    assert ("DYN103", "/failure") == (entry.rule, entry.pointer)
    assert entry.changed == "the process that loaded the file ended with exit code 3"


def test_what_only_looks_guilty_is_left_alone(clean: Determinism) -> None:
    """No clean file has a divergence, and everything was varied but for a variable that one of them reads."""
    assert _names([file for file in clean.files if file.divergences]) == []
    (unvaried,) = clean.not_checked
    assert unvaried.startswith("an environment variable of your own: DEPLOYMENT_STAGE (")
    assert len(clean.files) >= 40
