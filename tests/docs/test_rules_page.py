"""The page of the rules: its examples are loaded, planned and run in one session, which says what the page shows."""

# What is said of DYN101 to DYN109 is compared with their files in tests/determinism/test_messages.py.

from __future__ import annotations

import re
from pathlib import Path

import pages
import pytest

from pytest_dynadag.findings import RULES

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "rules.md"
EXCERPTED = PAGE.parents[2] / "example_dags" / "broken" / "nondeterministic"
_EXAMPLE = re.compile(r"# ((?:dags|tests)/\S+)\n")
_COMMAND = "pytest --dynadag dags tests --dynadag-timeout 5 -k 'not deterministic'"
# pytest's mark at the margin and the name of the error, and Airflow's own words, which differ by version.
_AROUND = re.compile(r"^E? +([\w.]+Error: )?", re.MULTILINE)
_OWN_WORDS = re.compile(r"(storing this failed with|no scheduler ever sees it:) .*")

SECTIONS: dict[str, str] = dict(
    re.findall(r"^## (DYN\d{3}): .*?$(.*?)(?=^## |\Z)", PAGE.read_text(), re.MULTILINE | re.DOTALL)
)
TESTED_HERE = [rule for rule in SECTIONS if not rule.startswith("DYN10")]


def find_block(section: str) -> str:
    """Give what the section shows of a session."""
    [said] = re.findall(r"^```text\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return str(said)


def reduce(text: str, folder: Path) -> str:
    """Take out where a session ran, what pytest writes around a message, and Airflow's own words."""
    return _OWN_WORDS.sub(r"\1 …", _AROUND.sub("", text.replace(f"{folder}/", "")))


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Write all files of the page, and give what the session prints."""
    folder = tmp_path_factory.mktemp("rules")
    for block in pages.read_blocks(PAGE):
        if named := _EXAMPLE.match(block.text):
            file = folder / named[1]
            file.parent.mkdir(exist_ok=True)
            file.write_text(block.text[named.end() :])
    return reduce(pages.type_in(_COMMAND, folder), folder)


@pytest.mark.parametrize("rule", TESTED_HERE)
def test_what_is_said(printed: str, rule: str) -> None:
    """The session says of the example what the section shows, and the rule is among it."""
    said = find_block(SECTIONS[rule])

    assert rule in said
    assert pages.find_missing(reduce(said, Path()), printed) is None, printed


def test_excerpts_say_where_they_begin() -> None:
    """What is shown of a file is its end, from the line that the section names: the messages count from its first line."""
    shown = re.findall(
        r"^```python\n# (?!dags/|tests/)(\S+)\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL
    )
    said = dict(
        re.findall(
            r"^The end of `(\S+)`, from line (\d+) on:\n\n```python\n# \1$", PAGE.read_text(), re.MULTILINE
        )
    )

    begin = {}
    for name, excerpt in shown:
        before, found, after = (EXCERPTED / name).read_text().rpartition(excerpt)
        assert found
        assert "" == after
        begin[name] = str(before.count("\n") + 1)

    assert begin == said


def test_every_rule_has_an_example() -> None:
    """Each section shows a file, what is said of it, and what to write instead."""
    assert list(RULES) == list(SECTIONS)
    assert [] == [
        rule
        for rule, text in SECTIONS.items()
        if not ("```python\n# " in text and rule in find_block(text) and "\n**Instead:** " in text)
    ]
