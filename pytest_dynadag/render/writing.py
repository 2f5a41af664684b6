"""Writing a report to a file, in the form that the file's ending asks for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pytest_dynadag.render.report import SessionReport, write_json

ENDINGS = (".html", ".json", ".md")
"""What a report may be."""


def write_report(report: SessionReport, path: Path) -> None:
    """Write the report in the form that the ending of *path* asks for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(find_writer(path.suffix.lower())(report), encoding="utf-8")


def find_writer(ending: str) -> Callable[[SessionReport], str]:
    """Give what writes a report with one of the `ENDINGS`."""
    if ending == ".md":
        from pytest_dynadag.render.markdown import write_markdown

        return write_markdown
    if ending == ".html":
        from pytest_dynadag.render.page import write_page

        return write_page
    return write_json
