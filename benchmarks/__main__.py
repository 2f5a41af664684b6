"""
Every benchmark in turn: `python benchmarks [FILE]`, with everything measured in FILE, as JSON.

Run by `make bench`. Fails if a figure is missed, or a benchmark.
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from pathlib import Path

import determinism
import idle
import large
import load
import parallel
import plan
import reports
import run
from figures import Figure, show, to_data

BENCHMARKS = (idle, load, plan, run, parallel, determinism, reports, large)


def main() -> int:
    """Measure; what was measured is kept, whatever becomes of the rest."""
    measured: dict[str, list[Figure]] = {}
    failed = []
    for benchmark in BENCHMARKS:
        begun = time.perf_counter()
        print(f"=== {benchmark.__name__}", flush=True)
        try:
            measured[tell(benchmark.__doc__)] = figures = benchmark.measure()
            failed += [benchmark.__name__] * show(figures)
        except (Exception, SystemExit):
            traceback.print_exc()
            failed.append(benchmark.__name__)
        print(f"({time.perf_counter() - begun:.0f} s)\n", flush=True)
        for file in sys.argv[1:]:
            Path(file).write_text(json.dumps(to_data(measured), indent=1) + "\n", encoding="utf-8")
    print("missed or failed:", ", ".join(failed) or "nothing")
    return 1 if failed else 0


def tell(text: str | None) -> str:
    """Give the sentence that says what a benchmark measures."""
    return (text or "").strip().partition("\n")[0]


if __name__ == "__main__":
    sys.exit(main())
