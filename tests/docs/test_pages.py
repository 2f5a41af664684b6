"""The pages of docs/: followed as a reader would, and complete."""

from __future__ import annotations

import re
from pathlib import Path

import pages
import pytest
import yaml

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
BY_OTHER_TESTS = {DOCS / "reference" / "rules.md"}  # test_rules_page.py
EXECUTED = [page for page in PAGES if any(block.language == "console" for block in pages.read_blocks(page))]


@pytest.mark.parametrize("page", EXECUTED, ids=lambda page: str(page.relative_to(DOCS)))
def test_page_can_be_followed(page: Path, tmp_path: Path) -> None:
    """Every file and every command of the page gives what it shows."""
    assert [] == pages.follow(page, tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of the page leads to a file that is there."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())

    assert [] == [link for link in links if not (page.parent / link).exists()]


def test_code_on_pages_is_executed() -> None:
    """No page shows Python or YAML that nothing executes."""
    shown = [page for page in PAGES if any(b.language in {"python", "yaml"} for b in pages.read_blocks(page))]

    assert set(shown) <= {*EXECUTED, *BY_OTHER_TESTS}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_workflows_are_yaml(page: Path) -> None:
    """What a page shows of CI's own files, which nothing here executes, can at least be read."""
    for block in pages.read_blocks(page):
        if block.language == "yml":
            assert yaml.safe_load(block.text), f"{page.name}:{block.line}"


def test_options_on_pages_exist() -> None:
    """No page names an option of ours that the reference, which is compared with the code, does not have."""
    known = _find_options(DOCS / "reference" / "options.md")

    assert [] == [(page.name, option) for page in PAGES for option in _find_options(page) - known]


def _find_options(page: Path) -> set[str]:
    return set(re.findall(r"--dynadag[a-z-]*", page.read_text()))
