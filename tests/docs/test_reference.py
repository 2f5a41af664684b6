"""The reference is complete: every option, ini key and rule of the code stands in it, and nothing else."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_dynadag.findings import RULES
from pytest_dynadag.graph.behaviour import BEHAVIOURS
from pytest_dynadag.plugin.facade import DEFAULTS, Dynadag

DOCS = Path(__file__).parents[2] / "docs"
REFERENCE = DOCS / "reference"


@pytest.fixture(scope="module")
def shown() -> str:
    """Give what `pytest --help` shows, each text in one line."""
    command = [sys.executable, "-m", "pytest", "--help", "-p", "no:cacheprovider"]
    wide = {**os.environ, "COLUMNS": "2000"}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=wide).stdout


def test_every_option_is_listed(shown: str) -> None:
    """The page of options lists the options and ini keys that `pytest --help` shows, and no others."""
    page = (REFERENCE / "options.md").read_text()
    options = set(re.findall(r"^  (--dynadag[a-z-]*)", shown, re.MULTILINE))
    keys = set(re.findall(r"^  (dynadag[a-z_]*) \(", shown, re.MULTILINE))

    assert options == set(re.findall(r"--dynadag[a-z-]*", page))
    assert keys == set(re.findall(r"`(dynadag[a-z_]*)`", page))


def test_options_are_told_in_the_words_of_the_help(shown: str) -> None:
    """What the page says first of an option or an ini key is what `pytest --help` says first."""
    page = (REFERENCE / "options.md").read_text()
    rows = re.findall(r"^\| `(?:--)?dynadag[^|]*\|(?:[^|]*\|)? ([^|]+) \|$", page, re.MULTILINE)
    told = [re.split(r"[,:;.]( |$)", re.sub(r"\[(.+?)\]\(.+?\)", r"\1", row))[0] for row in rows]

    assert len(rows) > 10
    assert [] == [words for words in told if words.replace("`", "") not in shown]


def test_every_rule_is_listed() -> None:
    """The page of rules has a section for each rule code, with the meaning that findings carry."""
    page = (REFERENCE / "rules.md").read_text()
    sections = dict(re.findall(r"^## (DYN\d{3}): (.*)$", page, re.MULTILINE))

    assert sections == RULES


def test_every_call_of_the_fixture_is_listed() -> None:
    """The page of the fixture has a section for each public call, and the marker's arguments stand on it."""
    page = (REFERENCE / "fixture.md").read_text()
    calls = {name for name in vars(Dynadag) if not name.startswith("_")} - {"workplace", "defaults"}

    assert calls == set(re.findall(r"^## `dynadag\.(\w+)", page, re.MULTILINE))
    assert all(f"`{name}`" in page for name in DEFAULTS)


def test_versions_differ_as_the_page_says() -> None:
    """The table of how versions expand tasks says what the planner follows."""
    page = (DOCS / "explanation" / "expansion.md").read_text()
    rows = re.findall(r"^\| .+? \| ((?:yes|no)(?: \| (?:yes|no))+) \|$", page, re.MULTILINE)
    known = [BEHAVIOURS[version] for version in sorted(BEHAVIOURS)]

    planned = [
        [rules.branch_found_by_own_index or rules.branch_found_in_groups for rules in known],
        [rules.branch_found_in_groups for rules in known],
        [not rules.branch_found_by_own_index for rules in known],
        [rules.short_circuit_reaches_indexes for rules in known],
        [not rules.skipping_branch_pushes_nothing for rules in known],
        [not rules.concat_counts_whole for rules in known],
        [not rules.eager_when_expanded for rules in known],
        ["none_failed_min_one_success" in rules.eager_rules for rules in known],
        [not rules.starts_need_lengths for rules in known],
    ]

    assert planned == [[cell == "yes" for cell in row.split(" | ")] for row in rows]


def test_every_key_of_a_report_is_listed() -> None:
    """The page of reports lists what its schema has at the top."""
    schema = json.loads((DOCS / "schema" / "report.schema.json").read_text())
    page = (REFERENCE / "reports.md").read_text()
    rows = re.findall(r"^\| (`.+?`) \|", page, re.MULTILINE)

    assert list(schema["properties"]) == re.findall(r"`(\w+)`", " ".join(rows))
