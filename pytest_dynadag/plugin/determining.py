"""The determinism of a session's DAG files: found out once, before the first check that needs it, shared by all."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_dynadag.allowances import Accepted, Allowance, find_reason
from pytest_dynadag.errors import DynadagError
from pytest_dynadag.plugin.progress import Progress

if TYPE_CHECKING:
    from pytest_dynadag.generate.divergences import Determinism, Divergence
    from pytest_dynadag.generate.records import Root
    from pytest_dynadag.graph.structure import Structure
    from pytest_dynadag.plugin.session import DagSession
    from pytest_dynadag.run.orders import OrderDifference

_FOUND = pytest.StashKey["Determinism"]()


class DeterminismRun:
    """A plugin of its own: finds out before the tests run."""

    def __init__(self, session: DagSession) -> None:
        self.session = session

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Check before the first test, whose time limit it is not; only the files of which some item is about."""
        wanted = {item.path for item in session.items if getattr(item, "check", "") == "deterministic"}
        if wanted and not session.config.option.collectonly:
            self.session.config.stash[_FOUND] = check_selected(self.session, wanted)


def determinism_of(session: DagSession) -> Determinism:
    """Give the verdict on the DAG files that are checked: the selected ones, or else all that are collected."""
    stash = session.config.stash
    if _FOUND not in stash:
        stash[_FOUND] = check_once(session, "determinism", session.collected)
    return stash[_FOUND]


def check_selected(session: DagSession, wanted: Collection[Path]) -> Determinism:
    """Check the files that are *wanted*: in the folders as a whole where all of them are, as that finds more."""
    from pytest_dynadag.generate.records import Root
    from pytest_dynadag.graph.canonical import digest

    all_of_them = {Path(record.path) for record in session.generation().files if record.structures}
    if all_of_them.issubset(wanted):
        return check_once(session, "determinism", session.collected)
    roots = [Root(path, "selected") for path in sorted(wanted)]
    return check_once(session, f"determinism-{digest([str(root.path) for root in roots])}", roots)


def check_once(
    session: DagSession,
    name: str,
    roots: Sequence[Root],
    *,
    circumstances: Iterable[str] | None = None,
    seeds: int | None = None,
    given: Any = None,
) -> Determinism:
    """Check *roots* under the session's options; of several processes that ask under one *name*, one does."""
    from filelock import FileLock

    from pytest_dynadag.generate.circumstances import Own
    from pytest_dynadag.generate.determinism import check
    from pytest_dynadag.generate.divergences import Determinism

    options = session.options
    record = session.folder / f"{name}.sealed"
    with FileLock(session.folder / f"{name}.lock"):
        if record.exists():
            return Determinism.from_dict(session.seal.read(record))
        found = check(
            tuple(roots),
            folder=session.folder / name,
            circumstances=options.circumstances if circumstances is None else circumstances,
            seeds=options.seeds if seeds is None else seeds,
            own=[Own.read(line) for line in options.own_circumstances],
            given=given,
            tell=Progress(session.config).tell,
            timeout=options.timeout,
            let_through=options.let_through,
            import_folders=session.import_folders,
            skip_folders=session.config.getini("norecursedirs"),
            memory=options.memory,
        )
        session.seal.save(record, found.to_dict())
    return found


def check_one(
    session: DagSession,
    path_or_dag_id: str | Path,
    *,
    circumstances: Iterable[str] | None = None,
    seeds: int | None = None,
    given: Mapping[Any, Any] | None = None,
) -> Determinism:
    """Give the verdict on a file, a folder or a DAG: that of the session where nothing else is asked."""
    from pytest_dynadag.generate.records import Root
    from pytest_dynadag.graph.canonical import digest
    from pytest_dynadag.graph.given import Given

    path = Path(os.path.abspath(session.config.rootpath / path_or_dag_id))  # noqa: PTH100 - links stay
    dag_id = None
    if not path.exists():
        record, _ = session.find(str(path_or_dag_id))
        path, dag_id = Path(record.path), str(path_or_dag_id)
    asked = (circumstances, seeds, given)
    if asked == (None, None, None) and _is_checked(session, path):
        found = determinism_of(session)
    else:
        name = f"determinism-{digest([str(path), list(circumstances or ()), seeds, repr(given)])}"
        known = Given.of(given) if given is not None else None
        root = Root(path, "named in a test")
        found = check_once(session, name, [root], circumstances=circumstances, seeds=seeds, given=known)
    if path.is_dir():
        files = tuple(file for file in found.files if _covers(path, Path(file.path)))
        return replace(found, files=files)
    return found.about(str(path), dag_id)


def check_runs(
    found: Determinism, load: Callable[[], Any], structure: Structure, given: Any, runs: int
) -> Determinism:
    """Add to a verdict what a DAG does otherwise when its instances finish in another order (DYN110)."""
    from pytest_dynadag.generate.divergences import FileVerdict
    from pytest_dynadag.graph.given import Given
    from pytest_dynadag.run.orders import compare_orders

    differences = compare_orders(load, structure, Given.of(given), runs=runs)
    entries = tuple(_diverge(entry, structure) for entry in differences)
    path = structure.location.file if structure.location else structure.dag_id
    return replace(found, files=(*found.files, FileVerdict(path, entries))) if entries else found


def _diverge(entry: OrderDifference, structure: Structure) -> Divergence:
    from pytest_dynadag.generate.divergences import Divergence

    rule = structure[entry.task_id].trigger_rule if entry.task_id else ""
    return Divergence(
        rule="DYN110",
        dag_id=structure.dag_id,
        circumstance=f"order of instances, {rule}" if rule else "order of instances",
        pointer=f"/runs/{structure.dag_id}/{entry.key}/{entry.what}",
        baseline=entry.baseline,
        changed=entry.changed,
        under=entry.orders,
        location=structure.location_of(entry.task_id or ""),
    )


def _is_checked(session: DagSession, path: Path) -> bool:
    """Tell whether the session's verdict is on *path* too: all its files, as far as they have DAGs."""
    if not any(_covers(root.path, path) for root in session.collected):
        return False
    judged = {file.path for file in determinism_of(session).files}
    inside = (record for record in session.generation().files if _covers(path, Path(record.path)))
    return all(record.path in judged for record in inside if record.structures)


def _covers(folder: Path, path: Path) -> bool:
    return folder == path or folder in path.parents


def split_allowed(
    determinism: Determinism, allowances: Sequence[Allowance]
) -> tuple[Determinism, list[Accepted]]:
    """Take out what is accepted; give the rest, and what was taken out with the reason."""
    accepted: list[Accepted] = []

    def is_left(entry: Divergence) -> bool:
        reason = find_reason(entry.finding, allowances)
        if reason is not None:
            accepted.append((entry.finding, reason))
        return reason is None

    files = tuple(
        replace(file, divergences=tuple(filter(is_left, file.divergences))) for file in determinism.files
    )
    return replace(determinism, files=files), accepted


def check_deterministic(session: DagSession, path: Path, dag_id: str) -> tuple[Determinism, list[Accepted]]:
    """Give what is left of the verdict on a DAG, and what was accepted."""
    return split_allowed(determinism_of(session).about(str(path), dag_id), session.allowances)


def check_options(session: DagSession) -> None:
    """Refuse options that cannot be meant before anything is done; raises `pytest.UsageError`."""
    from pytest_dynadag.generate.circumstances import Own, choose

    try:
        _ = session.allowances
        choose(session.options.circumstances, [Own.read(line) for line in session.options.own_circumstances])
    except DynadagError as error:
        raise pytest.UsageError(str(error)) from None
