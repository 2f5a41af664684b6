"""Pages as tests: what a Markdown page shows is written, executed and compared."""

# A block that begins with `# path` is a file of the reader's project; a `console` block is what the reader types and
# sees. Versions and seconds may differ; lines that a page leaves out may stand between those that it shows.

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import lean

_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# (\S+\.(?:py|yaml|toml|ini))\n")
_VARIES = (
    (re.compile(r"Airflow \d+\.\d+\.\d+"), "Airflow X"),
    (re.compile(r"\d+\.\d+ ?s\b( \(\d+:\d\d:\d\d\))?"), "N s"),  # beyond a minute pytest says both
    (re.compile(r" +\[ *\d+%\]"), " [N%]"),
)
FEW = ("-o", "dynadag_seeds=2")
"""Two generations of each DAG: enough where a page shows nothing of what DAGs depend on."""


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and the line of the page where it begins."""

    language: str
    text: str
    line: int


def read_blocks(page: Path) -> Iterator[Block]:
    """Give the fenced blocks of a page in their order."""
    text = page.read_text()
    for match in _FENCE.finditer(text):
        yield Block(match[1], match[2], text.count("\n", 0, match.start()) + 1)


def follow(page: Path, folder: Path) -> list[str]:
    """
    Do in *folder* what the page tells its reader to do.

    Returns:
        What did not come out as shown; empty if the page is right.
    """
    wrong: list[str] = []
    for block in read_blocks(page):
        if named := _FILE.match(block.text):
            file = folder / named[1]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text[named.end() :])
        elif block.language == "console":
            wrong += check_console(block, folder, page.name)
    return wrong


def check_console(block: Block, folder: Path, page: str) -> list[str]:
    """Type what stands behind each `$` and compare what is shown below it."""
    wrong: list[str] = []
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        printed = type_in(command, folder, () if "DYN1" in shown else FEW)
        missing = find_missing(shown, printed)
        if missing is not None:
            wrong.append(f"{page}:{block.line}: `{command}` does not print {missing!r}, but:\n{printed}")
    return wrong


def find_missing(shown: str, printed: str) -> str | None:
    """Give the first line of *shown* that does not stand in *printed*, after those before it; None if all do."""
    lines = iter(normalise(printed).splitlines())
    wanted = (line for line in normalise(shown).splitlines() if line.strip())
    return next((line for line in wanted if not any(line == found.rstrip() for found in lines)), None)


def normalise(text: str) -> str:
    """Take out what may differ from one machine to the next."""
    for pattern, name in _VARIES:
        text = pattern.sub(name, text)
    return text


def type_in(command: str, folder: Path, options: tuple[str, ...] = ()) -> str:
    """Run a command of the page as its reader would, in *folder*, pytest with *options*; give all that it prints."""
    words = shlex.split(command)
    if words[0] == "pytest":
        words = [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            *lean.OPTIONS,
            *options,
            *words[1:],
        ]
    if words[0] == "python":
        words = [sys.executable, *words[1:]]
    # A test that ran before in this process may have brought Airflow, and a worker its own settings.
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTEST"))}
    environment = {**ours, "COLUMNS": "80"}
    done = subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    return done.stdout + done.stderr
