"""The report as one HTML page: works offline and by double-click, with everything it needs inside."""

# The page itself is built from page/ (make page) and committed, so that nobody needs Node to use it. The report is
# data in it: JSON in which no `<` stands, so that nothing in a DAG can end the script element it is in. The page's
# own code puts it into the document as text only.

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib import resources
from typing import Any

from pytest_dynadag.render.report import SessionReport

ASSET = "page.html"
PLACE = "{{REPORT}}"
"""Where the data goes in the asset."""
MOST_INSTANCES = 3000
"""Of one task, that a page shows one by one."""
LARGEST = 4_000_000
"""Characters of data, which leaves room for the page itself in 5 MB; above it, inputs are left out."""

_ESCAPES = str.maketrans(
    {"<": r"\u003c", ">": r"\u003e", "&": r"\u0026", "\u2028": r"\u2028", "\u2029": r"\u2029"}
)
_HIDDEN = re.compile("[\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ud800-\udfff\ufeff]")
"""What turns a text round, hides in it, or is no text: shown as it would be written in a program."""


def write_page(report: SessionReport) -> str:
    """Write the report as HTML; inputs of very many instances are left out, and the page says so."""
    asset = resources.files(__package__ or __name__).joinpath(ASSET).read_text(encoding="utf-8")
    before, _, after = asset.partition(PLACE)
    return f"{before}{_write_data(report)}{after}"


def _write_data(report: SessionReport) -> str:
    data = report.to_dict()
    most = MOST_INSTANCES
    while True:
        for task in _iterate_tasks(data):
            _cut(task, most)
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPES)
        text = _HIDDEN.sub(lambda match: rf"\\u{ord(match[0]):04x}", text)
        if len(text) <= LARGEST or most == 0:
            return text
        most = most // 4


def _iterate_tasks(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for record in data["expansions"]:
        yield from record["expansion"]["tasks"]


def _cut(task: dict[str, Any], most: int) -> None:
    """Leave only the first *most* inputs and labels."""
    for name in ("inputs", "labels"):
        if len(task.get(name, ())) > most:
            task[name] = task[name][:most]
