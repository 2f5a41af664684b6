"""Paths as people who read a report know them: from the project's folder on."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


def shorten(data: T, root: Path) -> T:
    """Give JSON *data* with every path below *root*, wherever it stands in a text, written from there on."""
    return _replace(data, f"{root}/")  # type: ignore[no-any-return]


def _replace(data: Any, prefix: str) -> Any:
    if isinstance(data, str):
        return data.replace(prefix, "")
    if isinstance(data, list):
        return [_replace(item, prefix) for item in data]
    if isinstance(data, dict):
        return {key: _replace(item, prefix) for key, item in data.items()}
    return data
