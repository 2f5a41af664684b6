"""The fixture `dynadag`, and how a session comes by what is behind it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_dynadag.plugin.session import session_of

if TYPE_CHECKING:
    from pytest_dynadag.plugin.facade import Dynadag
    from pytest_dynadag.plugin.workplace import Workplace

_WORKPLACE = pytest.StashKey["Workplace"]()


@pytest.fixture
def dynadag(request: pytest.FixtureRequest) -> Iterator[Dynadag]:
    """Load, plan and run DAGs, isolated from the machine's own Airflow; see the reference for its calls."""
    from pytest_dynadag.plugin.facade import Dynadag, read_marker
    from pytest_dynadag.plugin.recording import recording_of

    __tracebackhide__ = True
    defaults: dict[str, Any] = {}
    for mark in reversed(list(request.node.iter_markers("dynadag"))):
        defaults |= read_marker(mark.args, mark.kwargs, where=request.node.nodeid)
    with recording_of(session_of(request.config)).following(request.node):
        yield Dynadag(workplace_of(request.config), defaults)


def dynadag_of(config: pytest.Config) -> Dynadag:
    """Give the object that case items use: the same as the fixture's, without defaults."""
    from pytest_dynadag.plugin.facade import Dynadag

    return Dynadag(workplace_of(config))


def workplace_of(config: pytest.Config) -> Workplace:
    """Give the one workplace of this process."""
    from pytest_dynadag.plugin.workplace import Workplace

    if _WORKPLACE not in config.stash:
        config.stash[_WORKPLACE] = Workplace(session_of(config))
    return config.stash[_WORKPLACE]
