"""Ctrl-C at any time, two sessions at once, a checkout that cannot be written to: nothing is left, nobody is harmed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import lean
import pytest
from rim import SALES, make_slow, write

START = Callable[..., "subprocess.Popen[str]"]
PATIENCE = 60.0
"""Seconds for what takes one or two, on a machine that does other things too."""

WAITS = """\
import pathlib, time

pathlib.Path({place!r}, "reached").touch()
time.sleep(600)
"""
RUNS = "cases:\n  runs: {run: true, expect: {state: success}}\n"


@pytest.fixture
def place(pytester: pytest.Pytester) -> Path:
    """Give the folder for temporary files of the sessions."""
    (pytester.path / "tmp").mkdir()
    return pytester.path / "tmp"


@pytest.fixture
def _terminal() -> Iterator[None]:
    """Heed Ctrl-C, and let what is started heed it, also where these tests themselves run in the background."""
    heeded = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, heeded)


@pytest.fixture
def start(pytester: pytest.Pytester, place: Path, _terminal: None) -> START:
    """Start sessions as a terminal does, in a process group of their own."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTEST"))}
    environment = {**ours, "TMPDIR": str(place), "PYTEST_ADDOPTS": lean.ADDOPTS}

    def start(*arguments: str, before: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        command = [*before, sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--dynadag", *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.Popen(
            command, cwd=pytester.path, env=environment, text=True, start_new_session=True, **pipes
        )

    return start


def list_processes(text: str) -> list[str]:
    """Give the command lines of the processes that have *text* in them."""
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(file.read_bytes().decode(errors="replace").replace("\0", " "))
        except OSError:
            continue
    return [line for line in lines if text in line]


def await_end(of: Callable[[], object]) -> None:
    """Wait until something is no more, for a while."""
    until = time.monotonic() + PATIENCE
    while of() and time.monotonic() < until:
        time.sleep(0.05)


@pytest.mark.parametrize("way", [("-p", "no:xdist"), ("-n", "2")], ids=["alone", "n2"])
@pytest.mark.parametrize("when", ["a file is loaded", "determinism is checked", "a task runs"])
def test_ctrl_c(
    pytester: pytest.Pytester, start: START, place: Path, when: str, way: tuple[str, ...]
) -> None:
    """The session ends at once, with pytest's own message, and neither process nor file of ours is left."""
    at_import = WAITS.format(place=str(pytester.path))
    later = f"import os\nif os.environ.get('HOSTNAME', '').endswith('.example'):\n    {at_import.replace(chr(10), chr(10) + '    ')}"
    slow = make_slow(f"pathlib.Path({str(pytester.path)!r}, 'reached').touch()")
    text = {"a file is loaded": at_import + slow, "determinism is checked": later + "\n" + slow}.get(
        when, slow
    )
    write(pytester, **{"dags/slow.py": text, "dags/slow.dynadag.yaml": RUNS})
    which = "deterministic" if when == "determinism is checked" else "runs"
    session = start("dags", "-k", which, "--dynadag-timeout", "500", *way)
    await_end(lambda: not (pytester.path / "reached").exists())
    assert (pytester.path / "reached").exists()

    os.killpg(session.pid, signal.SIGINT)
    printed, _ = session.communicate(timeout=PATIENCE)

    assert pytest.ExitCode.INTERRUPTED == session.returncode, printed
    assert "KeyboardInterrupt" in printed
    await_end(lambda: list_processes(str(place)))
    assert [] == list_processes(str(place))
    assert [] == list(place.glob("dynadag-*"))


def test_two_sessions_at_once(project: pytest.Pytester, start: START, place: Path) -> None:
    """Sessions in one checkout know nothing of each other."""
    sessions = [start("dags", "-k", "not deterministic", "-n", "2") for _ in range(2)]

    printed = [session.communicate(timeout=PATIENCE)[0] for session in sessions]

    assert [0, 0] == [session.returncode for session in sessions], printed
    assert ["4 passed" in text for text in printed] == [True, True]
    assert [] == list(place.glob("dynadag-*"))


def test_a_checkout_that_cannot_be_written_to(project: pytest.Pytester, start: START, place: Path) -> None:
    """Everything is checked as ever; only what is asked for beside the DAGs, a new snapshot, is not written."""
    write(project, **{"dags/other.py": SALES.replace('"sales"', '"other"')})
    mere = drop_override()
    if os.geteuid() == 0 and not mere:
        pytest.skip("root may write anywhere, and setpriv, which takes that from it, is not installed")
    folders = [project.path / "dags", project.path]
    for folder in folders:
        folder.chmod(0o555)
    try:
        session = start("dags", "-k", "not deterministic", before=mere)
        printed, _ = session.communicate(timeout=PATIENCE)
    finally:
        for folder in folders:
            folder.chmod(0o755)

    assert session.returncode == 0, printed
    assert "6 passed" in printed
    assert [] == list(place.glob("dynadag-*"))


def drop_override() -> tuple[str, ...]:
    """Give what runs a command without root's right to write anywhere; nothing where nobody is root."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        return ()
    return ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all", "--")
