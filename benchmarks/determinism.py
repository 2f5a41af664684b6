"""What the determinism check of a clean folder costs, as a ratio to bare parses; and what isolating one file costs."""

# python benchmarks/determinism.py [FOLDER]      without a folder: Airflow's own example DAGs

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable
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
    bare, screened = [], []
    for _ in range(ROUNDS):
        bare.append(measure(lambda: parse_bare(root)))
        screened.append(measure(lambda: screen(root)))
    print(f"{SEEDS} bare parses of the folder  {describe(bare)}, {count_cores()} processes at a time")
    print(f"screening, every circumstance {describe(screened)}")
    print(f"ratio                         {ratio(bare, screened, 0):6.2f}    to reach: 1.30")
    print(
        f"ratio of processor time       {ratio(bare, screened, 1):6.2f}    what a busy machine cannot disturb"
    )
    print(f"isolating one file            {measure_isolation():6.2f} s  to reach: 15")


def measure(work: Callable[[], object]) -> tuple[float, float]:
    """Give the seconds that *work* takes, and those of the processor in the processes that it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    work()
    seconds = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def describe(rounds: list[tuple[float, float]]) -> str:
    """Say what the quickest round took."""
    return f"{min(rounds)[0]:6.2f} s ({min(cpu for _, cpu in rounds):.2f} s of processor)"


def ratio(one: list[tuple[float, float]], other: list[tuple[float, float]], column: int) -> float:
    """Give how many times *one* the quickest round of *other* takes."""
    return min(entry[column] for entry in other) / min(entry[column] for entry in one)


def find_examples() -> Path:
    """Give the folder of Airflow's example DAGs."""
    spec = find_spec("airflow")
    if spec is None or spec.origin is None:
        raise SystemExit("Airflow is not installed")
    return Path(spec.origin).parent / "example_dags"


def parse_bare(root: Root) -> None:
    """Make as many plain parses, in as many processes, as the check makes."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(count_cores()) as pool:
        list(pool.map(lambda number: generate([root], folder=Path(folder) / str(number)), range(SEEDS)))


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
    main()
