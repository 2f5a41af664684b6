"""The picture of a terminal in the README: it shows what the README says, and stands alone."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pages

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs" / "lost-region.svg"


def read_lines(picture: Path) -> list[str]:
    """Give the lines that a drawn terminal shows."""
    lines: dict[str, str] = {}
    for text in ET.parse(picture).iter("{http://www.w3.org/2000/svg}text"):
        if line := text.get("clip-path"):
            lines[line] = lines.get(line, "") + (text.text or "").replace("\N{NO-BREAK SPACE}", " ")
    return list(lines.values())


def test_the_picture_shows_what_the_readme_shows() -> None:
    """It begins with the README's first command, and has every line shown below that: else run `make picture`."""
    first = next(block for block in pages.read_blocks(ROOT / "README.md") if block.language == "console")
    command, _, shown = first.text.partition("\n")

    lines = read_lines(PICTURE)

    assert command == lines[0].rstrip()
    assert None is pages.find_missing(shown, "\n".join(lines))


def test_the_picture_stands_alone() -> None:
    """It refers to no font, script or file elsewhere, and the README shows it."""
    svg = PICTURE.read_text(encoding="utf-8")

    assert ["http://www.w3.org/2000/svg"] == re.findall(r"https?://[^\"' )]+", svg)
    assert "<script" not in svg
    assert "(docs/lost-region.svg)" in (ROOT / "README.md").read_text(encoding="utf-8")
