"""The site of docs/, without building it: which pages it has, and that it has every public name."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest_dynadag

DOCS = Path(__file__).parents[2] / "docs"


def test_every_page_stands_in_the_navigation() -> None:
    """What a reader of the site can choose at the left is every page but the first, each once."""
    navigation = runpy.run_path(str(DOCS / "conf.py"))["NAVIGATION"]
    pages = {str(page.relative_to(DOCS).with_suffix("")) for page in DOCS.rglob("*.md")}

    assert sorted(pages - {"index"}) == sorted(page for group in navigation.values() for page in group)


def test_the_first_page_leads_to_every_other() -> None:
    """Where nothing is built, the table of the first page is the navigation."""
    links = set(re.findall(r"\]\(([\w/-]+)\.md\)", (DOCS / "index.md").read_text()))

    assert links == {str(page.relative_to(DOCS).with_suffix("")) for page in DOCS.rglob("*.md")} - {"index"}


def test_every_public_name_is_on_the_page_of_the_api() -> None:
    """The page shows the docstring of what `pytest_dynadag` has, and of nothing that it does not have."""
    page = (DOCS / "reference" / "api.md").read_text()

    shown = re.findall(r"^\.\. auto\w+:: (\w+)(?:\(\))?$", page, re.MULTILINE)

    assert sorted(pytest_dynadag.__all__) == sorted(shown)


def test_every_public_name_is_told_where_nothing_is_built() -> None:
    """The table of the page has a row for each public name, and for nothing else."""
    page = (DOCS / "reference" / "api.md").read_text()

    rows = re.findall(r"^\| `(\w+)` \| \S", page, re.MULTILINE)

    assert sorted(pytest_dynadag.__all__) == sorted(rows)
