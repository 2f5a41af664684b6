"""Draw what the README's first command prints, as a terminal shows it: `make picture` writes docs/lost-region.svg."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

DOCS = Path(__file__).parent
PICTURE = DOCS / "lost-region.svg"
WIDTH = 110  # characters
STORY = re.compile(
    r"```python\n# (?P<path>\S+)\n(?P<dag>.*?)```.*?```console\n\$ (?P<command>[^\n]+)\n", re.DOTALL
)
PROGRESS = re.compile(r"dynadag: (checking|looking|trying) ")
"""Lines that a terminal shows for a moment; the next ones take their place."""


def main() -> None:
    """Follow the README, and draw what comes of it."""
    story = STORY.search((DOCS.parent / "README.md").read_text(encoding="utf-8"))
    if story is None:
        raise SystemExit("README.md has no DAG file with a command below it")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / story["path"]
        file.parent.mkdir(parents=True)
        file.write_text(story["dag"], encoding="utf-8")
        printed = type_in(story["command"], Path(folder))
    PICTURE.write_text(draw(f"$ {story['command']}\n{printed}"), encoding="utf-8")


def type_in(command: str, folder: Path) -> str:
    """Give what `pytest ...` prints in *folder*, in colours, without the lines that a terminal replaces."""
    _, *arguments = command.split()
    options = ("-p", "no:cacheprovider", "-p", "no:xdist", "--color=yes", "--no-header")
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTEST", "CI"))
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *arguments],
        cwd=folder,
        env={**kept, "COLUMNS": str(WIDTH)},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    return "".join(line for line in done.stdout.splitlines(keepends=True) if not PROGRESS.match(line))


def draw(printed: str) -> str:
    """Give the SVG of what a terminal shows; it refers to no font or file elsewhere."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(printed))
    svg = console.export_svg(title="pytest --dynadag", unique_id="lost-region")
    svg = re.sub(r"\s*@font-face \{.*?\}|\s*<!--.*?-->", "", svg, flags=re.DOTALL)
    return svg.replace("Fira Code", "ui-monospace, Menlo, Consolas") + "\n"


if __name__ == "__main__":
    main()
