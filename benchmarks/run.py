"""
What a run costs: a session with one, the first in a process, and each instance.

Run by `make bench`. Fails if a figure is missed. What others take is measured by the same test, in a session of its own.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import sessions
from figures import DAG_TEST, OURS, Figure, divide, show, take_turns
from ways import DAGS, FAMILY, Way, find_ways, make_home

FIRST = 0.8
"""Seconds that the first run of 21 instances may take."""

EACH = 5.0
"""Milliseconds that an instance may take."""

RATIOS = {"3": 8.0, "2": 2.5}
"""How many times faster an instance is to be than with `dag.test()`, by Airflow's family."""

GROWTH = 1.25
"""How much longer an instance may take where there are most of them."""

Key = tuple[str, str]


@dataclass(frozen=True)
class Timed:
    """How long a session took, and each run in it."""

    session: float
    runs: list[float]


def measure(rounds: int = 3, widths: tuple[int, ...] = (20, 200, 1000)) -> list[Figure]:
    """
    Measure each way by turns.

    Others take a minute and more for the greatest width: there they run once.
    """
    *most, widest = widths
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "dags").mkdir()
        (folder / "dags" / "wide.py").write_text(DAGS.format(widths=widths))
        homes = {DAG_TEST: make_home(folder / "home", folder / "dags")}
        works: dict[Key, Callable[[], Timed]] = {}
        for whose, way in find_ways().items():
            for part, asked in (("first", []), ("most", most), ("widest", [widest])):
                works[whose, part] = partial(time_runs, folder, way, [widths[0], *asked], homes.get(whose))
        once = [(whose, "widest") for whose in find_ways() if whose != OURS]
        timed = take_turns(works, rounds, once)
    return [*tell_first(timed, widths[0]), *tell_each(timed, widths)]


def time_runs(folder: Path, way: Way, widths: list[int], home: dict[str, str] | None) -> Timed:
    """Run DAGs of several widths in one session."""
    way.write_timed(folder, widths)
    session = sessions.run(folder, *way.options, "test_timed.py", python=way.python, env=home, passing=1)
    return Timed(session.seconds, json.loads((folder / "seconds.json").read_text()))


def tell_first(timed: dict[Key, list[Timed]], width: int) -> Iterator[Figure]:
    """Say what one run takes, in a session of its own."""
    found = {whose: measured for (whose, part), measured in timed.items() if part == "first"}
    for whose, measured in found.items():
        seconds = [one.session for one in measured]
        yield Figure(f"a session with one test, {width + 1} instances", "s", seconds, whose)
    for whose, measured in found.items():
        seconds = [one.runs[0] for one in measured]
        goal = FIRST if whose == OURS else None
        yield Figure(f"the first in a process, {width + 1} instances", "s", seconds, whose, at_most=goal)


def tell_each(timed: dict[Key, list[Timed]], widths: tuple[int, ...]) -> Iterator[Figure]:
    """Say what an instance takes, width by width, and what follows from it."""
    each = divide_by_instance(timed, widths)
    for (whose, width), taken in each.items():
        goal = EACH if whose == OURS else None
        yield Figure(f"an instance, {width:,} wide", "ms", taken, whose, at_most=goal)
    for width in widths:
        ratio = divide(each[DAG_TEST, width], each[OURS, width])
        what = f"dag.test() to ours, an instance, {width:,} wide"
        yield Figure(what, "x", ratio, at_least=RATIOS[FAMILY])
    *_, before, widest = widths
    for whose in dict.fromkeys(whose for whose, _ in each):
        growth = divide(each[whose, widest], each[whose, before])
        what = f"an instance, {widest:,} wide to {before:,} wide"
        yield Figure(what, "x", growth, whose, at_most=GROWTH if whose == OURS else None)


def divide_by_instance(
    timed: dict[Key, list[Timed]], widths: tuple[int, ...]
) -> dict[tuple[str, int], list[float]]:
    """Give the milliseconds of an instance, by whose they are and width, in the order of the widths."""
    each = {}
    for number, width in enumerate(widths, 1):
        wanted, place = ("widest", 1) if width == widths[-1] else ("most", number)
        for (whose, part), found in timed.items():
            if part == wanted:
                each[whose, width] = [one.runs[place] / (width + 1) * 1000 for one in found]
    return each


if __name__ == "__main__":
    sys.exit(show(measure()))
