"""Hostile DAG files in the process of the tests, where runs and the fixture load them."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import hostile
import pytest

from pytest_dynadag.bridge.loading import Loaded, load
from pytest_dynadag.run.engines.direct import run_directly

TOO_MUCH = {
    "crashes",
    "overflows",
    "needs_memory",
    "needs_more_and_more",
    "raises_interrupt",
    "floods",
    "forks_a_daemon",
    "closes_files",
    "closes_output",
    "rings",
    "terminates_group",
}
"""What only a process of its own can stand."""

ENDS = {name: text for name, text in hostile.ENDS.items() if name not in TOO_MUCH}
CHANGES = {name: text for name, text in hostile.CHANGES.items() if name not in TOO_MUCH}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    """Load all of them, one after the other."""
    folder = tmp_path_factory.mktemp("hostile")
    hostile.write(folder, {**ENDS, **CHANGES})
    # What a shell starts in the background ignores Ctrl-C, this suite included.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield load([folder])
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("name", ENDS)
def test_what_would_end_the_tests_is_an_import_error(loaded: Loaded, name: str) -> None:
    """It is told with its line."""
    (error,) = [error for file, error in loaded.errors.items() if Path(file).stem == name]

    assert error.line
    assert error.message.partition(":")[0].rpartition(".")[2] in {
        "ProcessEnded",
        "SystemExit",
        "RecursionError",
    }


@pytest.mark.parametrize("name", [*ENDS, *CHANGES])
def test_the_file_after_it(loaded: Loaded, name: str) -> None:
    """It finds everything as ever, and gives its DAG."""
    assert f"{name}_then" in loaded.dags, [error for file, error in loaded.errors.items() if name in file]


def test_the_process_is_as_before(loaded: Loaded) -> None:
    """Ctrl-C works, and no thread keeps it from ending."""
    assert loaded.files
    assert signal.default_int_handler is signal.getsignal(signal.SIGINT)
    assert "built-in function kill" in repr(os.kill)
    assert all(thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread())


def test_what_a_file_did_to_its_process_is_there_when_its_dag_runs(tmp_path: Path) -> None:
    """A task finds the environment and the search path as the top of its file left them, and nobody else does."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "imported_at_the_top.py").write_text("VALUE = 1\n")
    (tmp_path / "lib" / "imported_in_a_task.py").write_text("VALUE = 2\n")
    (tmp_path / "a.py").write_text(
        "import os, sys\n"
        "from airflow import DAG\nfrom airflow.decorators import task\n"
        f"sys.path.insert(0, {str(tmp_path / 'lib')!r})\nos.environ['SET_AT_THE_TOP'] = 'yes'\n"
        "import imported_at_the_top\n"
        "@task\ndef look():\n"
        "    import imported_at_the_top, imported_in_a_task\n"
        "    return [os.environ['SET_AT_THE_TOP'], imported_at_the_top.VALUE, imported_in_a_task.VALUE]\n"
        "with DAG('a', schedule=None):\n    look()\n"
    )
    path, modules = list(sys.path), set(sys.modules)

    dag = load([tmp_path / "a.py"]).dags["a"]
    seen = run_directly(dag)

    assert ["yes", 1, 2] == seen.returned["look"]
    assert path == sys.path
    assert "SET_AT_THE_TOP" not in os.environ
    assert not {"imported_at_the_top", "imported_in_a_task"} & (set(sys.modules) - modules)
