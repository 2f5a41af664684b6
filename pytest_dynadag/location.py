"""Where something stands: a file and a line, as every message and finding shows it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_dynadag.printable import escape


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A line of a file; prints as `dags/sales.py:12`, which terminals and editors can open."""

    file: str
    line: int = 1

    def __str__(self) -> str:
        return f"{escape(self.file)}:{self.line}"

    def relative_to(self, folder: Path) -> Location:
        """Give the same place, relative to *folder* where it lies below it."""
        try:
            return Location(str(Path(self.file).relative_to(folder)), self.line)
        except ValueError:
            return self

    def to_dict(self) -> dict[str, Any]:
        """Give the place as plain JSON data."""
        return {"file": self.file, "line": self.line}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Location:
        """Read what `to_dict` wrote."""
        return cls(data["file"], data["line"])
