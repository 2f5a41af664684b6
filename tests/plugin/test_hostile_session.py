"""A whole session over hostile files: it ends by itself, every file has its verdict, and nothing is left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import hostile
import pytest

Run = Callable[..., pytest.RunResult]

FILES = {
    **{
        name: hostile.ENDS[name]
        for name in ("calls_exit", "ends_process", "kills_parent", "terminates_group", "crashes")
    },
    "sleeps": hostile.HANGS["sleeps"],
    **{
        name: text
        for name, text in hostile.CHANGES.items()
        if name.startswith(("deletes", "closes", "forks", "starts", "changes", "ends", "patches_json"))
    },
    "two\nlines": "x\n",
}


def test_a_hostile_folder(
    pytester: pytest.Pytester, run: Run, way: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many checks as there are files and DAGs, with and without xdist; no process and no folder remains."""
    temporary = pytester.path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    (pytester.path / "dags").mkdir()
    hostile.write(pytester.path / "dags", FILES)
    pytester.makeini("[pytest]\ndynadag_memory = 1GB\n")

    result = run("--dynadag", "dags", "--dynadag-timeout", "5", *way)

    failing = 6 + 2  # the two with an odd name have an odd dag_id
    gone = 1  # its file is not there any more when pytest looks for it
    loading = 2 * len(FILES) - failing - gone
    result.assert_outcomes(failed=failing, passed=2 * loading)
    processes = [entry.read_bytes() for entry in Path("/proc").glob("[0-9]*/cmdline") if entry.exists()]
    assert [] == [process for process in processes if str(temporary).encode() in process]
    assert [] == [entry.name for entry in temporary.iterdir() if entry.name.startswith("dynadag")]
