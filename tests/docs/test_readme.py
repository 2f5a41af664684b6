"""The README, followed word for word."""

from __future__ import annotations

from pathlib import Path

import pages
import pytest

ROOT = Path(__file__).parents[2]


def test_readme_can_be_followed(tmp_path: Path) -> None:
    """Every file and every command of the README gives what it shows."""
    assert [] == pages.follow(ROOT / "README.md", tmp_path)


def test_readme_shows_files_and_commands() -> None:
    """The README has a DAG, case files, a test and commands to follow: the test above has something to do."""
    languages = [block.language for block in pages.read_blocks(ROOT / "README.md")]

    assert {"python", "yaml", "console"} <= set(languages)
    assert languages.count("console") >= 2


def test_make_targets_of_the_readme_exist() -> None:
    """What the README tells to `make` is a target of the Makefile."""
    shell = "".join(block.text for block in pages.read_blocks(ROOT / "README.md") if block.language == "sh")
    targets = {line.split()[1] for line in shell.splitlines() if line.startswith("make ")}
    makefile = (ROOT / "Makefile").read_text()

    assert {"demo", "test"} <= targets
    assert all(f"\n{target}: setup" in makefile for target in targets)


@pytest.mark.parametrize(
    ("shown", "printed", "missing"),
    [
        ("a\nb\n", "a\nx\nb\n", None),
        ("b\na\n", "a\nb\n", "a"),
        ("in 1.9 s\n", "in 0.3 s\n", None),
        ("Airflow 3.3.2\n", "Airflow 2.11.2\n", None),
        ("a\n", "b\n", "a"),
    ],
)
def test_a_page_that_shows_something_else_is_caught(shown: str, printed: str, missing: str | None) -> None:
    """A line that is not printed, or not in its place, is named; versions and seconds may differ."""
    assert missing == pages.find_missing(shown, printed)
