"""A repository of 500 files, 2,000 DAGs and 20,000 tasks is checked to the end, in bearable memory."""

from __future__ import annotations

import os
import runpy
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.skipif("DYNADAG_SOAK" not in os.environ, reason="takes minutes: `make soak` has it"),
    pytest.mark.timeout(0),
]

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_a_large_repository_needs_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every check of every DAG passes with two workers; no process of pytest, and no probe, grows beyond its limit."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    large = runpy.run_path(str(BENCHMARKS / "large.py"))

    measured = large["check"](files=500)  # gives up unless every one passes

    assert 0 < measured.pytest < large["PYTEST_MEMORY"]
    assert 0 < measured.probe < large["PROBE_MEMORY"]
