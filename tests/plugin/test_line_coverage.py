"""Lines of DAG files that probes and runs execute, counted by coverage as docs/how-to/measure-coverage.md sets it up."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from rim import SALES, write

Run = Callable[..., pytest.RunResult]

SETTINGS = """\
[tool.pytest.ini_options]

[tool.coverage.run]
source = ["dags"]
parallel = true
patch = ["subprocess", "_exit"]
"""
RUN = """\
cases:
  for real: {run: true, expect: {load: 2}}
"""
BODIES = {12, 16, 20}
"""Lines inside of the three tasks."""
OUTSIDE = {1, 2, 3, 8, 10, 14, 18, 22}
"""Lines that every parse executes."""


def lines(project: pytest.Pytester, run: Run, *arguments: str) -> set[int]:
    """Run a session and give the lines of the DAG file that coverage saw."""
    result = run(
        "--dynadag", "dags", "-k", "not deterministic", "--cov", "--cov-report=json:cov.json", *arguments
    )

    assert 0 == result.ret
    report = json.loads((project.path / "cov.json").read_text(encoding="utf-8"))
    return set(report["files"]["dags/sales.py"]["executed_lines"])


def test_lines_of_a_probe_are_counted(pytester: pytest.Pytester, run: Run) -> None:
    """Without xdist, what only a probe loads, in a process of its own, is counted; no task ran."""
    write(pytester, **{"dags/sales.py": SALES, "pyproject.toml": SETTINGS})

    seen = lines(pytester, run, "-p", "no:xdist")

    assert seen >= OUTSIDE
    assert not seen & BODIES


def test_lines_of_a_run_are_counted(pytester: pytest.Pytester, run: Run, way: tuple[str, ...]) -> None:
    """The bodies of tasks that a run executes are counted, whichever process runs them."""
    write(pytester, **{"dags/sales.py": SALES, "dags/sales.dynadag.yaml": RUN, "pyproject.toml": SETTINGS})

    assert lines(pytester, run, *way) >= OUTSIDE | BODIES
