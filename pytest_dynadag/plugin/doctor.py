"""The option that looks at an installation and a project, and says what to do where something is wrong."""

# What is seen here is put into words by render/checkup.

from __future__ import annotations

import os
import platform
import shutil
import stat
import tempfile
from collections.abc import Iterator
from fnmatch import fnmatchcase
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from pytest_dynadag.bridge.home import airflow_version, plan_environment, require_airflow
from pytest_dynadag.errors import DynadagError
from pytest_dynadag.generate.probing import generate
from pytest_dynadag.generate.records import Generation, Root
from pytest_dynadag.graph.behaviour import BEHAVIOURS
from pytest_dynadag.graph.defects import list_defects
from pytest_dynadag.plugin.case_snapshots import CASES_FOLDER, ENDING
from pytest_dynadag.plugin.roots import are_paths_given
from pytest_dynadag.plugin.session import DagSession
from pytest_dynadag.render import checkup
from pytest_dynadag.render.checkup import Folder, Library, Line, Loaded, Step

_OLDEST = (2, 10)
_NEWEST = max(BEHAVIOURS)
_OPTIONAL = ("pytest-xdist", "coverage")
_PACKAGE = "pytest-dynadag"


def examine(session: DagSession) -> Iterator[Line]:
    """Look at everything that decides how a session goes, and give a line for each thing."""
    yield from checkup.examine_libraries(platform.python_version(), list(_list_libraries()))
    yield from _examine_isolation(session)
    folders = _look_at_folders(session)
    yield from checkup.examine_folders(folders)
    yield (temporary := _examine_temporary())
    yield from _examine_airflow(session, can_load=temporary.verdict != "bad" and _are_fine(folders))
    yield checkup.describe_snapshots(_count_snapshots(session.config))


def _are_fine(folders: list[Folder]) -> bool:
    return bool(folders) and not any(folder.wrong for folder in folders)


def _list_libraries() -> Iterator[Library]:
    yield Library(_PACKAGE, metadata.version(_PACKAGE))
    for wish in map(Requirement, metadata.requires(_PACKAGE) or ()):
        if wish.marker is None or wish.marker.evaluate({"extra": ""}):
            version = _find_version(wish.name)
            fits = version is not None and wish.specifier.contains(version, prereleases=True)
            yield Library(wish.name, version, str(wish.specifier), fits)
    for name in _OPTIONAL:
        yield Library(name, _find_version(name))


def _find_version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _examine_isolation(session: DagSession) -> Iterator[Line]:
    patterns = session.options.let_through
    _, removed, kept = plan_environment(Path("home"), session.environment, let_through=patterns)
    refused = [name for name in removed if any(fnmatchcase(name, pattern) for pattern in patterns)]
    unmatched = [
        pattern for pattern in patterns if not any(fnmatchcase(n, pattern) for n in (*removed, *kept))
    ]
    yield from checkup.examine_isolation(len(removed), kept)
    yield from checkup.examine_wishes(refused, unmatched)


def _look_at_folders(session: DagSession) -> list[Folder]:
    roots = session.collected if are_paths_given(session.config) else session.all_defaults
    return [Folder(_shorten(root.path, session), root.why, _find_wrong(root)) for root in roots]


def _find_wrong(root: Root) -> str:
    if not root.path.exists():
        return "is not there"
    needed = os.R_OK | os.X_OK if root.path.is_dir() else os.R_OK
    return "" if os.access(root.path, needed) else "cannot be read"


def _shorten(path: Path, session: DagSession) -> str:
    return str(path).removeprefix(f"{session.config.rootpath}/")


def _examine_temporary() -> Line:
    try:
        place = Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        return checkup.examine_temporary("TMPDIR", 0, f"cannot be used: {error.strerror}")
    return checkup.examine_temporary(str(place), shutil.disk_usage(place).free, _find_exposed(place))


def _find_exposed(place: Path) -> str:
    """Say how others could exchange a folder of ours in *place*, however private it is itself."""
    mode = place.stat().st_mode
    shared = mode & (stat.S_IWOTH | stat.S_IWGRP) and not mode & stat.S_ISVTX
    return "lets others move and replace what is in it" if shared else ""


def _examine_airflow(session: DagSession, *, can_load: bool) -> Iterator[Line]:
    """Start Airflow, and load the DAG files where they can be."""
    try:
        require_airflow()
        version = airflow_version()
        yield checkup.examine_airflow(version, _OLDEST, _NEWEST)
        yield checkup.describe_database(session.options.engine, version)
        yield checkup.describe_defects(version, [str(defect) for defect in list_defects(version)])
        started = generate((), folder=session.folder / "doctor", let_through=session.options.let_through)
        start = Step("start a process and import Airflow", started.seconds)
        if can_load:
            yield from _examine_loading(session, session.generation(), start)
        else:
            yield from checkup.examine_steps([start])
    except DynadagError as error:
        yield checkup.describe_error("Airflow", str(error))


def _examine_loading(session: DagSession, generation: Generation, start: Step) -> Iterator[Line]:
    failed = tuple(_shorten(Path(r.path), session) for r in generation.files if r.failures)
    yield from checkup.examine_loaded(
        Loaded(len(generation.files), len(generation.dags), failed, generation.notes)
    )
    loading = sum(record.seconds for record in generation.files)
    finding = max(generation.seconds - start.seconds - loading, 0.0)
    slowest = max(generation.files, key=lambda record: record.seconds, default=None)
    about = f"the slowest {_shorten(Path(slowest.path), session)} {slowest.seconds:.2f} s" if slowest else ""
    steps = [
        start,
        Step("find the files and read their DAGs", finding),
        Step("load the files", loading, about),
    ]
    yield from checkup.examine_steps(steps)


def _count_snapshots(config: pytest.Config) -> dict[str, int]:
    """Count the snapshots of ours by the name of the folder that they are kept in."""
    places = {
        "__snapshots__ beside tests": "__snapshots__",
        f"{CASES_FOLDER} beside case files": CASES_FOLDER,
    }
    found = dict.fromkeys(places.values(), 0)
    for folder, folders, files in os.walk(config.rootpath):
        skipped = config.getini("norecursedirs")
        folders[:] = [f for f in folders if not any(fnmatchcase(f, pattern) for pattern in skipped)]
        for name in found.keys() & Path(folder).parts:
            found[name] += sum(1 for file in files if file.endswith(ENDING))
    return {shown: found[name] for shown, name in places.items()}


def run(session: DagSession) -> pytest.ExitCode:
    """Print what was seen; a bad verdict decides the exit code."""
    try:
        lines = list(examine(session))
    finally:
        session.close()
    print(checkup.tell(lines))  # noqa: T201 - what was asked for
    return pytest.ExitCode.OK if checkup.is_well(lines) else pytest.ExitCode.TESTS_FAILED
