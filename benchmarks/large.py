"""
What a large repository costs: time, its growth with the number of files, and the memory of each kind of process.

Run by `make bench`: 100 and 500 generated files of four DAGs with ten tasks, checked by `pytest --dynadag -n 2`.
Fails if a figure is missed.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from pathlib import Path

from figures import Figure, show
from sessions import attend, start

DAGS, TASKS = 4, 10
GROWTH = 1.2
"""How much more than so many times the files it may take: linear, with room for a busy machine."""
PYTEST_MEMORY, PROBE_MEMORY = 500, 1500  # MiB

HEAD = """\
import datetime as dt
try:
    from airflow.sdk import DAG, task
except ImportError:
    from airflow import DAG
    from airflow.decorators import task
"""
DAG = """
with DAG("{dag_id}", schedule=None, start_date=dt.datetime(2024, 1, 1)):

    @task
    def list_regions():
        return ["eu", "us"]

    @task
    def load(region, step):
        return region

    @task
    def report(loaded):
        return len(loaded)

    regions = list_regions()
    report([load.override(task_id=f"load_{{step}}").partial(step=step).expand(region=regions) for step in range({steps})])
"""


def measure(small: int = 100, large: int = 500) -> list[Figure]:
    """Check a repository, and one of several times its size."""
    found = {files: check(files) for files in (small, large)}
    growth = found[large].seconds / found[small].seconds / (large / small)
    return [
        *(
            Figure(f"{files} files, {files * DAGS * TASKS:,} tasks, -n 2", "s", (one.seconds,))
            for files, one in found.items()
        ),
        Figure("growth, 1 is linear", "x", (growth,), at_most=GROWTH),
        Figure("memory of a pytest process", "MiB", (found[large].pytest,), at_most=PYTEST_MEMORY),
        Figure("memory of a probe", "MiB", (found[large].probe,), at_most=PROBE_MEMORY),
    ]


class Measured:
    """How long a session took, and the most memory, in MiB, that one of its processes of each kind had."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.pytest = self.probe = 0

    def look(self, session: int) -> None:
        """Look at every process of a session."""
        for process in list_processes(session):
            try:
                command = (process / "cmdline").read_bytes()
                peak = int((process / "status").read_text().partition("VmHWM:")[2].split()[0]) // 1024
            except (OSError, IndexError):
                continue  # it has just ended
            if b"pytest_dynadag.generate" in command:
                self.probe = max(self.probe, peak)
            else:
                self.pytest = max(self.pytest, peak)


def check(files: int) -> Measured:
    """Check a generated repository once."""
    measured = Measured()
    with tempfile.TemporaryDirectory() as folder:
        write_repository(Path(folder) / "dags", files)
        begun = time.perf_counter()
        process = start(Path(folder), "--dynadag", "dags", "-n", "2")
        over = threading.Event()
        watching = threading.Thread(target=watch, args=(measured, process.pid, over))
        watching.start()
        session = attend(process, begun)
        over.set()
        watching.join()
    session.must_pass(files * (1 + 2 * DAGS))
    measured.seconds = session.seconds
    return measured


def watch(measured: Measured, session: int, over: threading.Event) -> None:
    """Look again and again, until it is over."""
    while not over.wait(0.2):
        measured.look(session)


def list_processes(root: int) -> list[Path]:
    """Give the folders in /proc of a process and of all that it has started."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = {root}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return [Path("/proc") / str(process) for process in found]


def write_repository(folder: Path, files: int) -> None:
    """Write so many DAG files."""
    folder.mkdir()
    for number in range(files):
        dags = (DAG.format(dag_id=f"d{number}_{n}", steps=TASKS - 2) for n in range(DAGS))
        (folder / f"file_{number}.py").write_text(HEAD + "".join(dags))


if __name__ == "__main__":
    sys.exit(show(measure()))
