"""
What the determinism check of a folder costs, as a ratio to bare parses of it; and what isolating one file costs.

Run by `make bench`, on Airflow's own example DAGs; `python benchmarks/determinism.py FOLDER` measures another folder.
Fails if a figure is missed.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

from figures import DAG_BAG, Figure, divide, show, take_turns

from pytest_dynadag.generate.circumstances import SEEDS, choose
from pytest_dynadag.generate.determinism import Check, count_cores, find_suspects
from pytest_dynadag.generate.records import Root

DIVERGENT = Path(__file__).parents[1] / "example_dags" / "broken" / "nondeterministic" / "hash_seed.py"
RATIO = 1.3
ISOLATION = 15.0

BARE = """
import os, sys
from pathlib import Path
from pytest_dynadag.bridge.home import settle

settle(Path(sys.argv[2]))
try:
    from airflow.dag_processing.dagbag import DagBag
except ImportError:
    from airflow.models.dagbag import DagBag
DagBag(sys.argv[1])
sys.stdout.flush()
os._exit(0)
"""
"""A bare parse: Airflow's own DagBag in a home of its own, and nothing made of it."""


def measure(folder: Path | None = None, rounds: int = 3) -> list[Figure]:
    """Measure bare parses and the check by turns, on Airflow's own example DAGs or another folder."""
    root = Root(folder or find_examples(), "measured")
    what = folder.name if folder else "Airflow's examples"
    works = {
        "bare": lambda: time_work(lambda: parse_bare(root)),
        "check": lambda: time_work(lambda: screen(root)),
    }
    found = take_turns(works, rounds)
    (bare, bare_work), (check, check_work) = (zip(*found[name], strict=True) for name in works)
    isolation = tuple(measure_isolation() for _ in range(rounds))
    return [
        Figure(f"{SEEDS} bare parses of {what}", "s", bare, DAG_BAG),
        Figure("the check of them, every circumstance", "s", check),
        Figure("check to bare parses", "x", divide(check, bare), at_most=RATIO),
        Figure("the same, time of processors", "x", divide(check_work, bare_work)),
        Figure("isolating the cause in one file", "s", isolation, at_most=ISOLATION),
    ]


def time_work(work: Callable[[], object]) -> tuple[float, float]:
    """Give the seconds that *work* takes, and those of the processor in the processes that it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    work()
    seconds = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def find_examples() -> Path:
    """Give the folder of Airflow's example DAGs."""
    spec = find_spec("airflow")
    if spec is None or spec.origin is None:
        raise SystemExit("Airflow is not installed")
    return Path(spec.origin).parent / "example_dags"


def parse_bare(root: Root) -> None:
    """Make as many bare parses, under as many hash seeds and in as many processes, as the check makes."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(count_cores()) as pool:
        list(pool.map(lambda seed: parse_once(root.path, seed, Path(folder) / str(seed)), range(SEEDS)))


def parse_once(folder: Path, seed: int, home: Path) -> None:
    """Parse the DAG files of *folder* by Airflow's own DagBag, in a process with this hash seed."""
    subprocess.run(
        [sys.executable, "-c", BARE, str(folder), str(home)],
        env={**os.environ, "PYTHONHASHSEED": str(seed)},
        capture_output=True,
        check=True,
    )


def screen(root: Root) -> None:
    """Check up to the point where it is known which files differ."""
    with tempfile.TemporaryDirectory() as folder:
        find_suspects(_make_check(root, Path(folder)).screen())


def measure_isolation() -> float:
    """Give the seconds from knowing that a file differs to its verdict."""
    root = Root(DIVERGENT, "measured")
    with tempfile.TemporaryDirectory() as folder:
        task = _make_check(root, Path(folder))
        suspects = find_suspects(task.screen())
        started = time.monotonic()
        task.isolate(suspects)
        return time.monotonic() - started


def _make_check(root: Root, folder: Path) -> Check:
    return Check((root,), folder, choose(()), now=time.time(), cores=count_cores())


if __name__ == "__main__":
    sys.exit(show(measure(Path(sys.argv[1]) if sys.argv[1:] else None)))
