"""What a run costs by each engine: the first in a process, and per instance at several widths; ratios, in one run."""

# Each engine has a process of its own, because the first run of a process is measured; both run one after the other,
# so that what else the machine does weighs on both. Absolute times mean little on a busy machine, ratios do.

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

WIDTHS = (20, 200, 1000)
SLOW_WIDTHS = (20, 200)
"""`dag.test()` of Airflow 3 takes most of a minute for 1,000, and costs as much per instance as at 200."""

FIRST = 0.8
"""Seconds that the first run of 21 instances may take."""

RATIOS = {"3": 8.0, "2": 2.5}
"""How many times faster an instance is to be than with `dag.test()`, by family."""

DAGS = """
import datetime

try:
    from airflow.sdk import DAG, task
except ImportError:
    from airflow import DAG
    from airflow.decorators import task

for width in {widths}:
    with DAG(f"wide_{{width}}", schedule=None, start_date=datetime.datetime(2024, 1, 1)):

        @task
        def numbers(width=width):
            return list(range(width))

        @task
        def double(number):
            return number * 2

        double.expand(number=numbers())
"""


def main() -> int:
    """Measure both engines, print the figures, and say by the exit code whether they are reached."""
    fast, slow = measure("direct"), measure("airflow")
    print(f"first run, 21 instances   direct {fast['first']:6.2f} s   dag.test() {slow['first']:6.2f} s")
    for width in WIDTHS:
        known = slow["each"].get(str(width))
        beside = (
            f"   dag.test() {known:6.1f} ms   ratio {known / fast['each'][str(width)]:5.1f}" if known else ""
        )
        print(f"per instance, {width:5} wide  direct {fast['each'][str(width)]:6.1f} ms{beside}")
    ratio = min(slow["each"][str(width)] / fast["each"][str(width)] for width in SLOW_WIDTHS)
    flat = fast["each"][str(WIDTHS[-1])] / fast["each"][str(WIDTHS[1])]
    wanted = RATIOS[fast["family"]]
    print(
        f"slowest ratio {ratio:.1f} (to reach: {wanted:g}), 1,000 wide to 200 wide {flat:.2f} (to reach: 1.25)"
    )
    return 0 if fast["first"] <= FIRST and ratio >= wanted and flat <= 1.25 else 1


def measure(engine: str) -> dict[str, Any]:
    """Measure one engine in a process of its own."""
    widths = WIDTHS if engine == "direct" else SLOW_WIDTHS
    command = [sys.executable, __file__, engine, *map(str, widths)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure_here(engine: str, widths: list[int]) -> dict[str, Any]:
    """Run DAGs of several widths, the first one twice."""
    from pytest_dynadag.bridge.home import settle
    from pytest_dynadag.bridge.loading import bridge, load_file

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, settle(Path(folder)):
        file = Path(folder) / "dags" / "wide.py"
        file.write_text(DAGS.format(widths=widths))
        dags = load_file(file).dags
        first = time_run(engine, dags[f"wide_{widths[0]}"])
        each = {}
        for width in widths:
            # The best of a few: whatever else the machine does only ever adds.
            seconds = min(time_run(engine, dags[f"wide_{width}"]) for _ in range(3 if width < 1000 else 1))
            each[str(width)] = seconds / (width + 1) * 1000
        return {"family": bridge().family, "first": first, "each": each}


def time_run(engine: str, dag: Any) -> float:
    """Give the seconds of one run; it must succeed."""
    from pytest_dynadag.run.request import RunRequest
    from pytest_dynadag.run.runner import choose_engine

    run = choose_engine(engine)
    started = time.perf_counter()
    seen = run(dag, RunRequest())
    seconds = time.perf_counter() - started
    if seen.state != "success":
        raise SystemExit(f"{dag.dag_id}: {seen}")
    return seconds


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure_here(sys.argv[1], [int(width) for width in sys.argv[2:]])))
    else:
        raise SystemExit(main())
