"""What was measured last: kept in docs/bench.json, told in docs/reference/benchmarks.md."""

# `make bench` measures into build/bench.json; `make bench-page` takes that over:
#   python benchmarks/page.py build/bench.json

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from figures import ROOT, read, to_table

KEPT = ROOT / "docs" / "bench.json"
PAGE = ROOT / "docs" / "reference" / "benchmarks.md"
BEGIN, END = "<!-- what benchmarks/page.py writes -->\n", "<!-- until here -->\n"
MACHINE = "{system}, {processor}, {cores} cores, {memory}, load {load} at the start"


def tell(data: Mapping[str, Any]) -> str:
    """Write when, where and with what was measured, and a table for each benchmark."""
    machine = MACHINE.format(**data["machine"])
    versions = ", ".join(f"{name} {version}" for name, version in data["versions"].items())
    tables = (f"**{what}**\n\n{to_table(figures)}" for what, figures in read(data).items())
    return "\n".join([f"Measured on {data['on']}: {machine}; {versions}.\n", *tables])


def rewrite(page: str, data: Mapping[str, Any]) -> str:
    """Give the page with the tables of *data*."""
    return re.sub(f"(?<={BEGIN}).*(?={END})", lambda _: f"\n{tell(data)}\n", page, flags=re.DOTALL)


def keep(measured: Path) -> None:
    """Keep what was measured, and write the page anew."""
    text = measured.read_text(encoding="utf-8")
    KEPT.write_text(text, encoding="utf-8")
    PAGE.write_text(rewrite(PAGE.read_text(encoding="utf-8"), json.loads(text)), encoding="utf-8")


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
