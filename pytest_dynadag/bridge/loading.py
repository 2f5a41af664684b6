"""Loading DAG files: which files there are, and what each of them defines, without a metadata database."""

# One bag per file, so that a file cannot hide what another defines, and so that each has its own seconds.
# Airflow runs a DAG file anew at each load; nothing here remembers.

from __future__ import annotations

import os
import re
import time
import traceback
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from pytest_dynadag.bridge.accesses import watched_database
from pytest_dynadag.bridge.effects import noted_effects
from pytest_dynadag.bridge.home import require_airflow
from pytest_dynadag.bridge.importing import uncollected, undisturbed
from pytest_dynadag.bridge.metadata import Lookup, watched_lookups
from pytest_dynadag.bridge.protocol import Bridge
from pytest_dynadag.bridge.restore import (
    RefusedEnds,
    SharedValues,
    Signals,
    Streams,
    kept_modules,
    kept_surroundings,
)
from pytest_dynadag.errors import DynadagError
from pytest_dynadag.location import Location
from pytest_dynadag.printable import escape, shorten

_LONGEST_MESSAGE = 1000  # characters
_NO_DAG_FILES = re.compile(r"(test_.*|.*_test|conftest)\.py")


class NoSuchPathError(DynadagError):
    """A DAG file or folder that is not there: *path* is what was asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        beside = sorted(entry.name for entry in path.parent.iterdir()) if path.parent.is_dir() else []
        there = f"{path.parent} has {', '.join(beside[:8]) or 'nothing'}" if path.parent.is_dir() else ""
        super().__init__(f"there is no DAG file or folder {path}" + (f"; {there}" if there else ""))


@dataclass(frozen=True, slots=True)
class ImportFailure:
    """
    Why a DAG file, or a DAG in it, could not be loaded.

    Attributes:
        file: The file as Airflow names it; inside an archive, `dags.zip/sales.py`.
        line: The last line of that file that was being executed, if any.
        message: One line: the exception's type and text, or Airflow's own words.
        text: The whole traceback; what cannot be printed of the file's name is escaped.
        missing: Variables and Connections whose absence is the reason.
    """

    file: str
    line: int | None
    message: str
    text: str
    missing: tuple[Lookup, ...] = ()

    @property
    def location(self) -> Location:
        """The place to open: the file's first line where no better one is known."""
        return Location(self.file, self.line or 1)

    def __str__(self) -> str:
        return "\n".join([f"{self.location}: {self.message}", *map(_say_missing, self.missing)])


@dataclass(frozen=True, slots=True, repr=False)
class LoadedFile:
    """
    What a DAG file defines, in one parse.

    Attributes:
        path: The file, absolute.
        dags: dag_id to Airflow's DAG object, by dag_id.
        errors: File to what failed in it; an archive may have several.
        seconds: How long the parse took.
        lookups: The Variables and Connections that were asked for.
        warnings: What the file warned about, each with its place.
        changed: What the file changed of the modules that everybody uses, such as `json.dumps`; it is undone.
        accesses: The lines from which the file asked the metadata database.
        bag: Airflow's DagBag, in memory.
    """

    path: Path
    dags: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, ImportFailure] = field(default_factory=dict)
    seconds: float = 0.0
    lookups: tuple[Lookup, ...] = ()
    warnings: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    accesses: tuple[int, ...] = ()
    bag: Any = None

    def __repr__(self) -> str:
        return f"<LoadedFile {self.path.name}: {len(self.dags)} DAGs, {len(self.errors)} errors>"


@dataclass(frozen=True, slots=True, repr=False)
class Loaded:
    """
    What several DAG files define.

    Attributes:
        files: Each file, in the order given.
        dags: dag_id to DAG object; of two files with the same dag_id, the first.
        errors: File to what failed in it.
        duplicates: dag_id to the files that define it, where there are several.
        bag: All of it in one of Airflow's DagBags, in memory.
    """

    files: tuple[LoadedFile, ...]
    dags: Mapping[str, Any]
    errors: Mapping[str, ImportFailure]
    duplicates: Mapping[str, tuple[Path, ...]]
    bag: Any

    def __repr__(self) -> str:
        return f"<Loaded: {len(self.files)} files, {len(self.dags)} DAGs, {len(self.errors)} errors>"


def bridge() -> Bridge:
    """Give the bridge to the Airflow that is installed; imports Airflow. Raises `AirflowMissingError`."""
    require_airflow()
    return _bridge()


@cache
def _bridge() -> Bridge:
    with undisturbed():
        try:
            import airflow.sdk  # noqa: F401 - the feature that tells the families apart
        except ImportError:
            from pytest_dynadag.bridge.v2 import Bridge2

            return Bridge2()
        from pytest_dynadag.bridge.v3 import Bridge3

        return Bridge3()


def prepare() -> None:
    """Import now what loading a file takes: who forks then, to load files, does it once for all."""
    _make_bag()


def find_files(root: Path) -> list[Path]:
    """
    Find the DAG files below *root* as Airflow does, sorted; a file named directly is given as it is.

    `.airflowignore` is observed in the family's own default syntax (regexp in 2, glob in 3), so is safe mode;
    tests (`test_*.py`, `*_test.py`, `conftest.py`) are left out. Raises `NoSuchPathError`.
    """
    root = Path(os.path.abspath(root))  # noqa: PTH100 - resolve() would follow links, Airflow does not
    if root.is_file():
        return [root]
    if not root.is_dir():
        raise NoSuchPathError(root)
    with _private_warnings():
        found = {Path(name) for name in bridge().list_dag_files(root)}
    return sorted(path for path in found if not _NO_DAG_FILES.fullmatch(path.name))


def load(paths: Iterable[Path]) -> Loaded:
    """
    Load *paths* (files, or folders to look through), each file in a bag of its own, and merge them.

    The process is as before afterwards, as after an instance of a run; what the file did to the environment and to
    the module search path is done again when one of its DAGs runs.
    """
    files = tuple(_load_alone(file) for path in paths for file in find_files(path))
    dags: dict[str, Any] = {}
    homes: dict[str, list[Path]] = {}
    for file in files:
        for dag_id, dag in file.dags.items():
            dags.setdefault(dag_id, dag)
            homes.setdefault(dag_id, []).append(file.path)
    errors = {name: error for file in files for name, error in file.errors.items()}
    bag = _make_bag()
    bag.dags.update(dags)
    bag.import_errors.update({name: error.text for name, error in errors.items()})
    duplicates = {dag_id: tuple(where) for dag_id, where in homes.items() if len(where) > 1}
    return Loaded(files, dags, errors, duplicates, bag)


def _load_alone(path: Path) -> LoadedFile:
    path = _require_file(path)
    with Signals(), Streams(), RefusedEnds(), kept_surroundings(), kept_modules(), noted_effects(path):
        return _parse(path)


def load_file(path: Path) -> LoadedFile:
    """
    Parse one DAG file, or one archive of them, without touching a metadata database.

    Signal handlers, timers and the contexts of open DAGs are as before afterwards, whatever the file did. What
    it raises is reported, not raised, also where it tries to end the process (`SystemExit`).

    Raises:
        NoSuchPathError: There is no such file.
    """
    path = _require_file(path)
    with Signals():
        return _parse(path)


def _require_file(path: Path) -> Path:
    path = Path(os.path.abspath(path))  # noqa: PTH100 - as in find_files
    if not path.is_file():
        raise NoSuchPathError(path)
    return path


def _parse(path: Path) -> LoadedFile:
    bag = _make_bag()
    started = time.clock_gettime(time.CLOCK_MONOTONIC)
    with _untouched(bridge()), watched_lookups() as lookups, watched_database(path) as accesses:
        exits, changed = _process(bag, path)
    seconds = time.clock_gettime(time.CLOCK_MONOTONIC) - started
    bag.import_errors.update(exits)
    errors = {name: describe_failure(name, text, lookups) for name, text in bag.import_errors.items()}
    return LoadedFile(
        path=path,
        dags={dag_id: bag.dags[dag_id] for dag_id in sorted(bag.dags)},
        errors=errors,
        seconds=seconds,
        lookups=tuple(dict.fromkeys(lookups)),
        warnings=tuple(line for lines in bag.captured_warnings.values() for line in lines),
        changed=changed,
        accesses=tuple(dict.fromkeys(accesses)),
        bag=bag,
    )


def describe_failure(file: str, text: str, lookups: Sequence[Lookup] = ()) -> ImportFailure:
    """
    Read what Airflow says about a file that it could not load.

    Args:
        file: The file, as the traceback names it.
        text: Airflow's text: a traceback, or one line where a DAG was refused after the file had run.
        lookups: What the file asked for; what was missing and is named in the message is taken as the reason.
    """
    text = text.replace(file, escape(file))  # a name of two lines would be taken for two lines
    frame = re.compile(rf'^ *\|? *File "{re.escape(escape(file))}", line (\d+)', re.MULTILINE)
    lines = [int(number) for number in frame.findall(text)]
    message = _last_exception(text)
    absent = [lookup for lookup in lookups if not lookup.found and lookup.name in message]
    shown = escape(shorten(message, _LONGEST_MESSAGE))
    return ImportFailure(file, lines[-1] if lines else None, shown, text, tuple(dict.fromkeys(absent)))


def _last_exception(text: str) -> str:
    """Give the line that names the exception: the first one at the margin after the last frame."""
    lines = text.rstrip().splitlines()
    frames = [number for number, line in enumerate(lines) if line.startswith('  File "')]
    rest = lines[frames[-1] + 1 :] if frames else lines
    return next((line.strip() for line in rest if line and not line.startswith(" ")), text.strip())


def _make_bag() -> Any:
    with _private_warnings(), uncollected():
        return bridge().make_bag()


def _process(bag: Any, path: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    """Let Airflow process the file; give what it let through, as text by file name, and what the file changed."""
    # A file that is named is meant; inside an archive, Airflow's rule picks the files that look like DAGs.
    safe_mode = path.suffix != ".py" and zipfile.is_zipfile(path)
    values, exits = SharedValues(), {}
    changed: tuple[str, ...] = ()
    try:
        try:
            bag.process_file(str(path), only_if_updated=False, safe_mode=safe_mode)
        finally:
            changed = values.restore()
    except KeyboardInterrupt:
        raise
    except BaseException:
        # Airflow 2, and both for archives, let SystemExit through; both let a TypeError of their own through.
        exits[str(path)] = traceback.format_exc()
    return exits, changed


def _say_missing(lookup: Lookup) -> str:
    argument = "variables" if lookup.kind == "Variable" else "connections"
    return (
        f"  {lookup.kind} {lookup.name!r} is not there while the file is loaded\n"
        f"  next: pass {argument}={{{lookup.name!r}: ...}}, or write it under `{argument}:` in the case file"
    )


@contextmanager
def _untouched(airflow: Bridge) -> Iterator[None]:
    """Keep what a parse does to the process from outliving it."""
    with _private_warnings(), airflow.clean_contexts(), airflow.leave_signals_alone():
        yield


@contextmanager
def _private_warnings() -> Iterator[None]:
    """Keep `-W error` of a test session from turning Airflow's and a DAG file's warnings into errors."""
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("default")
        yield
