"""Figures: what benchmarks measure, and of whom, with every repetition; as a table, and as plain data."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).parents[1]

OURS = "pytest-dynadag"
DAG_TEST = "dag.test()"
DAG_BAG = "DagBag test"
IN_A_BOX = "pytest-airflow-in-a-box"
WHOSE = (OURS, DAG_TEST, DAG_BAG, IN_A_BOX)
"""Who is compared, in the order of the table's columns."""

BOX_PYTHON = ROOT / "build" / "in-a-box" / "bin" / "python"
"""The neighbour's environment: made by `make bench`. Without it, its figures are left out."""

LOAD = os.getloadavg()[0]
"""How many processes the machine had to run before anything was measured; best none."""

Key = TypeVar("Key")
T = TypeVar("T")


@dataclass(frozen=True)
class Figure:
    """
    One thing that was measured.

    Attributes:
        what: What was done; figures of the same words stand in one row.
        unit: What the repetitions count: `s`, `ms`, `MB`, `x` for a ratio.
        repetitions: Each measured value, in the order of measuring.
        whose: Who did it.
        at_most: The goal, where less is better.
        at_least: The goal, where more is better.
        words: What a number does not tell.
    """

    what: str
    unit: str
    repetitions: Sequence[float]
    whose: str = OURS
    at_most: float | None = None
    at_least: float | None = None
    words: str = ""

    @property
    def median(self) -> float:
        """The repetition in the middle."""
        return statistics.median(self.repetitions)

    @property
    def missed(self) -> bool:
        """Whether there is a goal, and the median does not reach it."""
        too_much = self.at_most is not None and self.median > self.at_most
        return too_much or (self.at_least is not None and self.median < self.at_least)

    @property
    def goal(self) -> str:
        """The goal in words."""
        limits = (("at most", self.at_most), ("at least", self.at_least))
        return ", ".join(f"{bound} {limit:g} {self.unit}" for bound, limit in limits if limit is not None)

    def __str__(self) -> str:
        """Median, spread and number of repetitions, and what there is to say."""
        number = len(self.repetitions)
        least, most = _round(min(self.repetitions)), _round(max(self.repetitions))
        spread = "once" if number == 1 else f"{least} to {most}, n = {number}"
        numbers = f"{_round(self.median)} {self.unit} ({spread})"
        return f"{numbers}; {self.words}" if self.words else numbers


def _round(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def take_turns(
    works: Mapping[Key, Callable[[], T]], rounds: int, once: Collection[Key] = ()
) -> dict[Key, list[T]]:
    """
    Do each of *works* by turns, so that what else the machine does weighs on all of them.

    Args:
        works: What to do, by name.
        rounds: How often each is done.
        once: The names of what is done in the first round only.
    """
    results: dict[Key, list[T]] = {name: [] for name in works}
    for number in range(rounds):
        for name, work in works.items():
            if number == 0 or name not in once:
                results[name].append(work())
    return results


def divide(some: Iterable[float], others: Iterable[float]) -> list[float]:
    """Give the ratio of one to the other, round by round."""
    return [one / other for one, other in zip(some, others, strict=False)]


def to_table(figures: Iterable[Figure]) -> str:
    """Give a Markdown table: a row for what was measured, a column for each who was."""
    rows: dict[str, dict[str, Figure]] = {}
    for figure in figures:
        rows.setdefault(figure.what, {})[figure.whose] = figure
    columns = [whose for whose in WHOSE if any(whose in row for row in rows.values())]
    cells = [["", *columns, "goal"]]
    for what, row in rows.items():
        measured = [str(row.get(whose, "")) for whose in columns]
        goals = [figure.goal + ", missed" * figure.missed for figure in row.values()]
        cells.append([what, *measured, "".join(goals)])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    head, *body = (_to_line(line, widths) for line in cells)
    return "\n".join([head, _to_line(["-" * width for width in widths], widths), *body]) + "\n"


def _to_line(cells: list[str], widths: list[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"


def show(figures: Collection[Figure]) -> int:
    """Print the table, and each goal that was missed; give the exit code that says whether one was."""
    missed = [figure for figure in figures if figure.missed]
    print(to_table(figures), flush=True)
    for figure in missed:
        print(f"missed: {figure.what}: {figure}; goal: {figure.goal}", file=sys.stderr)
    return 1 if missed else 0


def to_data(measured: Mapping[str, Iterable[Figure]]) -> dict[str, Any]:
    """Give all that is to be kept: when, on which machine, with which versions, and every repetition."""
    return {
        "on": datetime.now(timezone.utc).date().isoformat(),
        "machine": describe_machine(),
        "versions": find_versions(),
        "measured": {what: [asdict(figure) for figure in figures] for what, figures in measured.items()},
    }


def read(data: Mapping[str, Any]) -> dict[str, list[Figure]]:
    """Give the figures that were kept."""
    return {what: [Figure(**figure) for figure in figures] for what, figures in data["measured"].items()}


def describe_machine() -> dict[str, Any]:
    """Say what was measured on."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _find_processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory": f"{pages / 2**30:.0f} GiB",
        "load": round(LOAD, 1),
    }


def _find_processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.processor() or "unknown"


def find_versions() -> dict[str, str]:
    """Give the versions of what was measured, in the order of importance."""
    names = ("pytest-dynadag", "apache-airflow", "pytest", "pytest-xdist")
    found = {"Python": platform.python_version(), **{name: metadata.version(name) for name in names}}
    if BOX_PYTHON.exists():
        found[IN_A_BOX] = ask_box(f"from importlib.metadata import version; print(version({IN_A_BOX!r}))")
    return found


def ask_box(program: str) -> str:
    """Give what a program prints in the neighbour's environment."""
    done = subprocess.run([BOX_PYTHON, "-c", program], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip()
