"""What a session does before it collects: the generation is made, or waited for, and told of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pytest_dynadag.cases.casefile import ENDING
from pytest_dynadag.errors import DynadagError
from pytest_dynadag.plugin.collection import DagCollection
from pytest_dynadag.plugin.fixtures import workplace_of
from pytest_dynadag.plugin.reporting import describe_session
from pytest_dynadag.plugin.session import session_of

_COLLECTION = pytest.StashKey[DagCollection]()
_ENOUGH = 1 << 20  # bytes of a case file that are looked through


def prepare(config: pytest.Config) -> None:
    """
    Make what decides what is collected, and say in the header what is in it; a worker waits for it.

    Raises:
        pytest.UsageError: The DAG files could not be loaded.
    """
    session = session_of(config)
    if session.is_waiting:
        with suppress(Exception):  # whatever it is, the generation and the first run will say it
            _use_the_time(config)
    collection_of(config)
    reporter: pytest.TerminalReporter | None = config.pluginmanager.getplugin("terminalreporter")
    if reporter and reporter.showheader and not reporter.no_header:
        for line in describe_session(session):
            reporter.write_line(line)


def collection_of(config: pytest.Config) -> DagCollection:
    """Give what is collected from DAG files; raises `pytest.UsageError` where they could not be loaded."""
    if _COLLECTION not in config.stash:
        try:
            config.stash[_COLLECTION] = DagCollection(session_of(config).generation())
        except DynadagError as error:
            raise pytest.UsageError(str(error)) from None
    return config.stash[_COLLECTION]


def _use_the_time(config: pytest.Config) -> None:
    """Load what runs need, where some are to be expected: it takes as long as the generation that is waited for."""
    for root in session_of(config).collected:
        if any(_mentions_run(path) for path in _find_casefiles(root.path)):
            workplace_of(config).warm_up()
            return


def _find_casefiles(root: Path) -> Iterator[Path]:
    return root.rglob(f"*{ENDING}") if root.is_dir() else root.parent.glob(f"{root.stem}*{ENDING}")


def _mentions_run(path: Path) -> bool:
    """Tell whether `run` seems to be a key in a case file; nothing depends on it but time."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return b"run:" in file.read(_ENOUGH)
