"""Snapshots in tests: the fixture `dynadag_snapshot`, and what keeps syrupy from deleting those it did not compare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion


@pytest.fixture
def dynadag_snapshot(
    snapshot: SnapshotAssertion, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> SnapshotAssertion:
    """Compare with a committed file what a DAG is or becomes: `assert plan == dynadag_snapshot`."""
    from pytest_dynadag.plugin.snapshot_extension import DynadagSnapshotExtension

    monkeypatch.setattr(DynadagSnapshotExtension, "root", str(pytestconfig.rootpath))
    return snapshot.use_extension(DynadagSnapshotExtension)


def protect_snapshots(session: pytest.Session, exitstatus: int) -> None:
    """
    Let nothing be deleted in a session that failed, was interrupted, or left tests out.

    With `--snapshot-update` syrupy deletes what was not compared, also where a test stopped before its comparison or
    never began (-x, Ctrl-C), and before 7.0 where it was not collected (--lf, --ignore). Sessions without a test of
    ours are left alone. To be called before syrupy's own end.
    """
    config = session.config
    ours = config.stash.get(_USED, False) or any(map(_uses_snapshot, getattr(session, "items", ())))
    if ours and hasattr(config, "workeroutput"):
        config.workeroutput[_OUTPUT] = True
    if ours and (exitstatus != pytest.ExitCode.OK or leaves_tests_out(config)):
        config.option.no_cleanup = True


def leaves_tests_out(config: pytest.Config) -> bool:
    """Tell whether the command line selects tests other than by files and folders."""
    return any(config.getoption(name, None) for name in _SELECTING) or any("::" in arg for arg in config.args)


_SELECTING = ("deselect", "ignore", "ignore_glob", "keyword", "lf", "markexpr", "stepwise")


def note_worker(config: pytest.Config, workeroutput: Mapping[str, Any]) -> None:
    """Remember what an xdist worker said at its end: whether tests with snapshots of ours were collected."""
    config.stash[_USED] = config.stash.get(_USED, False) or workeroutput.get(_OUTPUT, False)


_OUTPUT = "dynadag_snapshot"
_USED = pytest.StashKey[bool]()


def _uses_snapshot(item: pytest.Item) -> bool:
    return "dynadag_snapshot" in getattr(item, "fixturenames", ())


def find_result(assertion: Any) -> Any:
    """Give what syrupy noted of the last comparison with one of our snapshots; None if that failed otherwise."""
    result = assertion.executions.get(assertion.num_executions - 1)
    return None if result is None or result.exception or result.asserted_data is None else result
