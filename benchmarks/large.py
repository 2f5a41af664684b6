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

from sessions import start

SMALL, LARGE = 100, 500  # files
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


def main() -> int:
    """Measure, print the figures with what is to be reached, and say by the exit code whether they are."""
    small, large = measure(SMALL), measure(LARGE)
    growth = large.seconds / small.seconds / (LARGE / SMALL)
    for files, found in ((SMALL, small), (LARGE, large)):
        print(f"{files} files, {files * DAGS} DAGs, {files * DAGS * TASKS} tasks  {found.seconds:6.1f} s")
    print(f"growth, 1 is linear          {growth:6.2f} (to reach: {GROWTH})")
    print(f"memory of a pytest process   {large.pytest:6d} MiB (to reach: {PYTEST_MEMORY})")
    print(f"memory of a probe            {large.probe:6d} MiB (to reach: {PROBE_MEMORY})")
    return 0 if growth <= GROWTH and large.pytest < PYTEST_MEMORY and large.probe < PROBE_MEMORY else 1


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


def measure(files: int) -> Measured:
    """Check a generated repository once."""
    measured = Measured()
    with tempfile.TemporaryDirectory() as folder:
        write_repository(Path(folder) / "dags", files)
        started = time.monotonic()
        process = start(Path(folder), "-n", "2")
        over = threading.Event()
        watching = threading.Thread(target=watch, args=(measured, process.pid, over))
        watching.start()
        printed, _ = process.communicate()
        over.set()
        watching.join()
        measured.seconds = time.monotonic() - started
    expected = f"{files * (1 + 2 * DAGS)} passed"
    if expected not in printed:
        raise SystemExit(f"not {expected}:\n{printed[-2000:]}")
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
    sys.exit(main())
