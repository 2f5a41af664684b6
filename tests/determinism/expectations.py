"""What planted files say about themselves, and how a folder of the corpus is checked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_dynadag.generate.determinism import check
from pytest_dynadag.generate.divergences import Determinism
from pytest_dynadag.generate.records import Root

CORPUS = Path(__file__).parent / "corpus"
_MARK = re.compile(r"# expect: (DYN\d+)(?: in (\S+))?$")


@dataclass(frozen=True)
class Expected:
    """What a planted file says about itself: the rule, and the line that is to be named."""

    path: Path
    rule: str
    place: tuple[str, int]


def read_expected(path: Path) -> Expected:
    """Read the mark of a planted file; it may lead to the same mark in a file that it imports."""
    rule, other, number = next(_find_marks(path))
    if other:
        target = path.parent / other
        number = next(
            n for found, _, n in _find_marks(target) if found == rule and _concerns(path, target, n)
        )
        return Expected(path, rule, (str(target), number))
    return Expected(path, rule, (str(path), number))


def _find_marks(path: Path) -> Iterator[tuple[str, str | None, int]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if match := _MARK.search(line):
            yield match[1], match[2], number


def _concerns(path: Path, target: Path, number: int) -> bool:
    """Of several marks with one rule in a file, take the one in what *path* imports."""
    lines = target.read_text(encoding="utf-8").splitlines()
    around = next((line for line in reversed(lines[:number]) if line.startswith(("def ", "class "))), None)
    name = re.split(r"[ (:]", around)[1] if around else None
    return name is None or name in path.read_text(encoding="utf-8")


def check_folder(folder: Path, work: Path) -> Determinism:
    """Check a folder as a session does."""
    return check([Root(folder, "the corpus")], folder=work, import_folders=[folder], timeout=20.0)
