"""
What a second process is worth to tests that run the same DAG.

Run by `make bench`: 60 tests, in one process and with `-n 2`, of a narrow and of a wide DAG. Fails if the figure is
missed, or a test of ours.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

import sessions
from figures import DAG_TEST, OURS, Figure, divide, show, take_turns
from sessions import Session
from ways import DAGS, WAYS, find_ways, make_home

RATIO = 1.7
ALONE, TWO = "in one process", "with -n 2"

Key = tuple[str, str]


def measure(rounds: int = 3, cases: int = 60, width: int = 20, wider: int = 100) -> list[Figure]:
    """Measure by turns; others, which take minutes, once, and not with the wider runs."""
    return [*compare(find_ways(), rounds, (cases, width)), *compare([OURS], rounds, (cases, wider))]


def compare(ways: Collection[str], rounds: int, size: tuple[int, int]) -> list[Figure]:
    """Measure so many runs of one width, in one process and in two."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_project(folder, *size)
        homes = {DAG_TEST: make_home(folder / "home", folder / "dags")} if DAG_TEST in ways else {}
        works: dict[Key, Callable[[], Session]] = {}
        for whose in ways:
            for how in (ALONE, TWO):
                works[whose, how] = partial(run, folder, whose, how, homes.get(whose), size)
        ended = take_turns(works, rounds, once=[key for key in works if key[0] != OURS])
    figures = [tell(key, found, size) for key, found in ended.items()]
    gain = divide(*([session.seconds for session in ended[OURS, how]] for how in (ALONE, TWO)))
    return [*figures, Figure(f"what -n 2 is worth, {size[1]} wide", "x", gain, at_least=RATIO)]


def run(folder: Path, whose: str, how: str, home: dict[str, str] | None, size: tuple[int, int]) -> Session:
    """Run every case once: ours have to pass."""
    way, (cases, width) = WAYS[whose], size
    workers = way.parallel if how == TWO else ("-p", "no:xdist")
    if whose == OURS:
        return sessions.run(folder, *workers, "--dynadag", "dags", "-k", "case_", passing=cases)
    way.write_cases(folder, width, cases)
    return sessions.run(folder, *workers, *way.options, "test_cases.py", python=way.python, env=home)


def tell(key: Key, ended: list[Session], size: tuple[int, int]) -> Figure:
    """Say how long it takes, and how many do not pass."""
    (whose, how), (cases, width) = key, size
    failing = [f"{cases - session.passed} of {cases} fail" for session in ended if session.passed < cases]
    what = f"{cases} runs, {width} wide, {how}"
    return Figure(what, "s", [session.seconds for session in ended], whose, words=", ".join(failing))


def write_project(folder: Path, cases: int, width: int) -> None:
    """Write a DAG, and a case file with so many runs of it."""
    (folder / "dags").mkdir()
    (folder / "dags" / "wide.py").write_text(DAGS.format(widths=[width]))
    case = f"{{run: true, expect: {{double: {width}, state: success}}}}"
    lines = "".join(f"  case_{number}: {case}\n" for number in range(cases))
    (folder / "dags" / "wide.dynadag.yaml").write_text("cases:\n" + lines)


if __name__ == "__main__":
    sys.exit(show(measure()))
