"""
What a second process is worth: 60 cases of real runs, in one process and with `-n 2`.

Run by `make bench`. Fails if the figure is missed, or a case.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from sessions import start

CASES, WIDTH = 60, 20
ROUNDS = 3
RATIO = 1.7
EXAMPLE = Path(__file__).parents[1] / "example_dags" / "taskflow_each.py"
WAYS = {"one process": ("-p", "no:xdist"), "-n 2": ("-n", "2")}


def main() -> int:
    """Measure by turns, print the figures with what is to be reached, and say by the exit code whether they are."""
    with tempfile.TemporaryDirectory() as folder:
        write_project(Path(folder))
        taken: dict[str, list[float]] = {way: [] for way in WAYS}
        for _ in range(ROUNDS):
            for way, arguments in WAYS.items():
                taken[way].append(run(Path(folder), arguments))
    alone, two = (statistics.median(taken[way]) for way in WAYS)
    for way, seconds in taken.items():
        spread = f"{min(seconds):.1f} to {max(seconds):.1f}"
        print(f"{CASES} runs of {WIDTH} wide, {way:12} {statistics.median(seconds):6.1f} s ({spread})")
    print(f"one process to -n 2            {alone / two:6.2f} (to reach: {RATIO})")
    return 0 if alone / two >= RATIO else 1


def run(folder: Path, arguments: tuple[str, ...]) -> float:
    """Give how many seconds the session takes."""
    started = time.monotonic()
    printed, _ = start(folder, *arguments, "-k", "case_").communicate()
    seconds = time.monotonic() - started
    if f"{CASES} passed" not in printed:
        raise SystemExit(f"not {CASES} passed:\n{printed[-2000:]}")
    return seconds


def write_project(folder: Path) -> None:
    """Write a DAG and a case file of so many runs."""
    (folder / "dags").mkdir()
    (folder / "dags" / "each.py").write_text(EXAMPLE.read_text())
    items = ", ".join(f"{{data_id: d{number}, process_time: t}}" for number in range(WIDTH))
    cases = (
        f"  case_{number}: {{given: {{list_data: [{items}]}}, run: true, expect: {{process: {WIDTH}, state: success}}}}\n"
        for number in range(CASES)
    )
    (folder / "dags" / "each.dynadag.yaml").write_text("cases:\n" + "".join(cases))


if __name__ == "__main__":
    sys.exit(main())
