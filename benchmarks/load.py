"""
What it costs to know that the files of a repository load, in one session from start to end.

Run by `make bench`: 100 generated files of four DAGs, with a test for each file, or by hand with one for each DAG.
"""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from pathlib import Path

import sessions
from figures import BOX_PYTHON, DAG_BAG, IN_A_BOX, OURS, Figure, show, take_turns
from large import DAGS, write_repository
from ways import IMPORT_DAG_BAG, has_box, make_home

BY_HAND = f"""\
import pytest
{IMPORT_DAG_BAG}

BAG = DagBag("dags")

def test_no_import_errors():
    assert BAG.import_errors == {{}}

@pytest.mark.parametrize("dag_id", sorted(BAG.dags))
def test_has_tasks(dag_id):
    assert BAG.dags[dag_id].tasks
"""


def measure(rounds: int = 3, files: int = 100) -> list[Figure]:
    """Measure each way of asking."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_repository(folder / "dags", files)
        (folder / "test_dag_bag.py").write_text(BY_HAND)
        home = make_home(folder / "home", folder / "dags")
        session = partial(sessions.run, folder)
        works = {
            OURS: partial(session, "--dynadag", "dags", "-k", "imports", passing=files),
            DAG_BAG: partial(
                session, "-p", "no:dynadag", "test_dag_bag.py", env=home, passing=1 + files * DAGS
            ),
        }
        if has_box():
            options = ("--collect-dag-folder=dags", "dags")
            works[IN_A_BOX] = partial(session, *options, python=BOX_PYTHON, passing=files)
        found = take_turns(works, rounds)
    return [
        Figure(f"{files} files with {files * DAGS} DAGs", "s", [session.seconds for session in ended], whose)
        for whose, ended in found.items()
    ]


if __name__ == "__main__":
    sys.exit(show(measure()))
