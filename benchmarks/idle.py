"""
What a plugin costs a session that has nothing to do with DAGs: on top of the same session without it.

Run by `make bench`. Fails if the figure is missed.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import sessions
from figures import BOX_PYTHON, IN_A_BOX, OURS, Figure, show, take_turns
from ways import has_box

MOST = 30  # ms
WITHOUT = {
    OURS: (sys.executable, "-p", "no:dynadag", "-p", "no:syrupy"),
    IN_A_BOX: (str(BOX_PYTHON), "-p", "no:pytest_airflow_in_a_box", "-p", "no:timeout"),
}
"""How a plugin is switched off, and the one that comes with it."""


def measure(rounds: int = 40) -> list[Figure]:
    """Measure a session of one test, with each plugin and, in the same environment, without it."""
    compared = [OURS, *([IN_A_BOX] if has_box() else [])]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_nothing.py").write_text("def test_nothing():\n    pass\n")
        works: dict[tuple[str, str], Callable[[], float]] = {}
        for whose in compared:
            python, *without = WITHOUT[whose]
            works[whose, "without"] = partial(time_session, folder, python, *without)
            works[whose, "with"] = partial(time_session, folder, python)
        seconds = take_turns(works, rounds)
    return [tell(whose, seconds[whose, "with"], seconds[whose, "without"]) for whose in compared]


def tell(whose: str, some: list[float], others: list[float]) -> Figure:
    """Say how much longer, round by round, a session with the plugin takes."""
    added = [(one - other) * 1000 for one, other in zip(some, others, strict=True)]
    goal = MOST if whose == OURS else None
    return Figure("added to a session without DAG tests", "ms", added, whose, at_most=goal)


def time_session(folder: Path, python: str, *options: str) -> float:
    """Give the seconds that the session takes."""
    return sessions.run(folder, *options, python=python, passing=1).seconds


if __name__ == "__main__":
    sys.exit(show(measure()))
