"""
Every benchmark in turn, or those that are named: `python benchmarks FILE [NAME ...]`, with what is measured in FILE.

Run by `make bench`. Fails if a figure is missed, or a benchmark.
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

import determinism
import idle
import large
import load
import parallel
import plan
import reports
import run
from figures import read, show, to_data

BENCHMARKS = {
    benchmark.__name__: benchmark
    for benchmark in (idle, load, plan, run, parallel, determinism, reports, large)
}


def main(file: Path, names: Sequence[str]) -> int:
    """
    Measure; what was measured is kept in *file*, whatever becomes of the rest.

    Args:
        file: For the JSON. With *names*, it keeps what it has of the others.
        names: The benchmarks to repeat; none for all.
    """
    if unknown := [name for name in names if name not in BENCHMARKS]:
        sys.exit(f"no benchmark {', '.join(unknown)}; there is: {', '.join(BENCHMARKS)}")
    has_others = names and file.exists()
    measured = read(json.loads(file.read_text(encoding="utf-8"))) if has_others else {}
    failed = []
    for name in names or BENCHMARKS:
        benchmark = BENCHMARKS[name]
        begun = time.perf_counter()
        print(f"=== {name}", flush=True)
        try:
            measured[tell(benchmark.__doc__)] = figures = benchmark.measure()
            failed += [name] * show(figures)
        except (Exception, SystemExit):
            traceback.print_exc()
            failed.append(name)
        print(f"({time.perf_counter() - begun:.0f} s)\n", flush=True)
        file.write_text(json.dumps(to_data(measured), indent=1) + "\n", encoding="utf-8")
    print("missed or failed:", ", ".join(failed) or "nothing")
    return 1 if failed else 0


def tell(text: str | None) -> str:
    """Give the sentence that says what a benchmark measures."""
    return (text or "").strip().partition("\n")[0]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
