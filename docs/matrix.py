"""What was seen of Airflow and Python: kept in docs/matrix.json, told in docs/reference/airflow-versions.md."""

# `make matrix` calls it in the environment of a cell, once the cell's tests have passed:
#   python docs/matrix.py build/matrix/3.3-py3.13.xml tests/run tests/graph

from __future__ import annotations

import json
import platform
import re
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
SEEN = DOCS / "matrix.json"
PAGE = DOCS / "reference" / "airflow-versions.md"
BEGIN, END = "<!-- what docs/matrix.py writes -->\n", "<!-- until here -->\n"

Cell = dict[str, Any]


def read_cell(junit: Path, tests: Sequence[str]) -> Cell:
    """Give what pytest saw in this environment; raises `ValueError` where that is nothing, or a failure."""
    [suite] = ET.parse(junit).getroot().iter("testsuite")  # noqa: S314 - we have written it ourselves
    skips = Counter(skip.get("message", "") for skip in suite.iter("skipped"))
    passed = int(suite.get("tests", "0")) - skips.total()
    if not passed or int(suite.get("failures", "0")) or int(suite.get("errors", "0")):
        raise ValueError(f"{junit}: not all passed, or nothing ran: {suite.attrib}")
    return {
        "airflow": metadata.version("apache-airflow"),
        "requires_python": metadata.metadata("apache-airflow")["Requires-Python"],
        "python": platform.python_version(),
        "tests": [test.removeprefix("tests/") for test in tests],
        "passed": passed,
        "skipped": dict(sorted(skips.items())),
        "on": suite.get("timestamp", "").partition("T")[0],
    }


def place(cell: Cell) -> tuple[list[int], list[int]]:
    """Give where a cell stands: by the series of Airflow, then by that of Python. A newer patch takes the place."""
    airflow, python = ([int(part) for part in cell[name].split(".")[:2]] for name in ("airflow", "python"))
    return airflow, python


def enter(cell: Cell, cells: Iterable[Cell]) -> list[Cell]:
    """Put *cell* among *cells*, in place of what was seen earlier of the same Airflow and Python."""
    return sorted([cell, *(other for other in cells if place(other) != place(cell))], key=place)


def tell(cells: Sequence[Cell]) -> str:
    """Write the table, and why tests were skipped."""
    lines = [
        "| Airflow | Python | tested with | passed | skipped | on | Python it asks for |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *map(_tell_cell, cells),
    ]
    reasons: dict[str, dict[str, None]] = {}
    for cell in cells:
        for reason in cell["skipped"]:
            reasons.setdefault(reason, {})[cell["airflow"]] = None
    skips = [f"- {reason} ({', '.join(versions)})" for reason, versions in sorted(reasons.items())]
    return "\n".join([*lines, "", "Why tests were skipped, and on which Airflow:", "", *skips, ""])


def _tell_cell(cell: Cell) -> str:
    tests = ", ".join(cell["tests"]) or "everything"
    skipped = sum(cell["skipped"].values())
    row = [
        cell["airflow"],
        cell["python"],
        tests,
        cell["passed"],
        skipped,
        cell["on"],
        f"`{cell['requires_python']}`",
    ]
    return f"| {' | '.join(map(str, row))} |"


def rewrite(page: str, cells: Sequence[Cell]) -> str:
    """Give the page with the table of *cells*."""
    return re.sub(f"(?<={BEGIN}).*(?={END})", lambda _: f"\n{tell(cells)}\n", page, flags=re.DOTALL)


def keep(cell: Cell) -> None:
    """Enter *cell* in docs/matrix.json, and write the page anew."""
    cells = enter(cell, json.loads(SEEN.read_text(encoding="utf-8")))
    SEEN.write_text(json.dumps(cells, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(rewrite(PAGE.read_text(encoding="utf-8"), cells), encoding="utf-8")


if __name__ == "__main__":
    keep(read_cell(Path(sys.argv[1]), sys.argv[2:]))
