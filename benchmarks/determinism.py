"""What the determinism check of a clean folder costs, as a ratio to bare parses; and what isolating one file costs."""

# python benchmarks/determinism.py [FOLDER]      without a folder: Airflow's own example DAGs

from __future__ import annotations

import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

from pytest_dynadag.generate.circumstances import SEEDS, choose
from pytest_dynadag.generate.determinism import Check, count_cores, find_suspects
from pytest_dynadag.generate.probing import generate
from pytest_dynadag.generate.records import Root

DIVERGENT = Path(__file__).parents[1] / "example_dags" / "broken" / "nondeterministic" / "hash_seed.py"
ROUNDS = 3


def main() -> None:
    """Measure, and print the figures with what is to be reached."""
    root = Root(Path(sys.argv[1]) if len(sys.argv) > 1 else find_examples(), "measured")
    rounds = [(measure_bare(root), measure_screening(root)) for _ in range(ROUNDS)]
    bare, screened = min(b for b, _ in rounds), min(s for s, _ in rounds)
    print(f"{SEEDS} bare parses of the folder  {bare:6.2f} s, {count_cores()} processes at a time")
    print(f"screening, every circumstance {screened:6.2f} s")
    print(f"ratio                         {screened / bare:6.2f}    to reach: 1.30")
    print(f"isolating one file            {measure_isolation():6.2f} s  to reach: 15")


def find_examples() -> Path:
    """Give the folder of Airflow's example DAGs."""
    spec = find_spec("airflow")
    if spec is None or spec.origin is None:
        raise SystemExit("Airflow is not installed")
    return Path(spec.origin).parent / "example_dags"


def measure_bare(root: Root) -> float:
    """Give the seconds of as many plain parses, in as many processes, as the check makes."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(count_cores()) as pool:
        list(pool.map(lambda number: generate([root], folder=Path(folder) / str(number)), range(SEEDS)))
    return time.monotonic() - started


def measure_screening(root: Root) -> float:
    """Give the seconds of the check up to the point where it knows which files differ."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        find_suspects(_make_check(root, Path(folder)).screen())
    return time.monotonic() - started


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
    main()
