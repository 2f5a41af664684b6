"""The probe: a fresh interpreter that finds and loads DAG files, and writes down what each of them gave."""

# Run as `python -m pytest_dynadag.generate.probe REQUEST.json`. What happens is told in a file of events, one sealed
# JSON object a line, because DAG files print: whoever watches knows at any time which file is being loaded. The key of
# the seal is the first line of the standard input; each further line lists files to load.

from __future__ import annotations

import faulthandler
import fcntl
import gc
import json
import os
import signal
import sys
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from pytest_dynadag.bridge.database import in_memory
from pytest_dynadag.bridge.extract import structure_of
from pytest_dynadag.bridge.home import Isolation, airflow_version, settle
from pytest_dynadag.bridge.lines import noted_lines
from pytest_dynadag.bridge.loading import LoadedFile, NoSuchPathError, find_files, load_file, prepare
from pytest_dynadag.bridge.memory import limited_memory
from pytest_dynadag.bridge.restore import are_open, kept_modules, kept_surroundings
from pytest_dynadag.bridge.serialized import try_serializing
from pytest_dynadag.generate.children import (
    adopt_orphans,
    end_with_children,
    end_with_parent,
    fork,
    has_children,
    wait_for,
)
from pytest_dynadag.generate.circumstances import Variation
from pytest_dynadag.generate.failures import (
    asks_while_building,
    describe_access,
    describe_gone,
    describe_import,
    describe_unreadable,
    describe_unrecordable,
    describe_unserialisable,
    lacks_table,
)
from pytest_dynadag.generate.packing import pack_dags
from pytest_dynadag.generate.parses import parse_twice
from pytest_dynadag.generate.records import Failure, FileRecord
from pytest_dynadag.generate.sealing import Seal
from pytest_dynadag.graph.structure import Structure
from pytest_dynadag.location import Location

_MOST_WARNINGS = 100


@dataclass(frozen=True, slots=True)
class Request:
    """
    What a probe is to do.

    Attributes:
        paths: DAG files, and folders to look through.
        home: The folder to use as AIRFLOW_HOME.
        events: The file to tell what happens in; it exists.
        stacks: The file for Python stacks: on a fatal signal, and when asked with SIGUSR1.
        let_through: Names, or patterns, of environment variables that the isolation lets through.
        import_folders: What DAG files may import from, as Airflow puts its DAG folder on `sys.path`.
        skip_folders: Patterns of names of folders below *paths* that are not looked into.
        memory: How many bytes more than before a process may use while it loads a file; 0 for any.
        variation: How circumstances are varied, as JSON; None to load the files as they are.
        circumstances: The names of those that are varied in the whole check.
    """

    paths: tuple[str, ...]
    home: str
    events: str
    stacks: str
    let_through: tuple[str, ...] = ()
    import_folders: tuple[str, ...] = ()
    skip_folders: tuple[str, ...] = ()
    memory: int = 0
    variation: dict[str, Any] | None = None
    circumstances: tuple[str, ...] = ()

    def save(self, path: Path) -> None:
        """Write the request to *path*."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Request:
        """Read the request that `save` wrote to *path*."""
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        data.update((name, tuple(value)) for name, value in data.items() if isinstance(value, list))
        return cls(**data)


def main(request: Request) -> None:
    """Find the files, tell them, and load those that are asked for, each time in a worker forked for them."""
    end_with_parent(signal.SIGTERM)
    adopt_orphans()
    signal.signal(signal.SIGTERM, end_with_children)
    sys.path[:1] = []  # `-m` puts the working directory there, which Airflow does not
    sys.path.extend(folder for folder in request.import_folders if folder not in sys.path)
    told = Told(request.events, Seal(sys.stdin.readline().strip()))
    isolation = settle(Path(request.home), let_through=request.let_through)
    prepare()
    files = find_wanted(request.paths, request.skip_folders)
    told.tell(
        event="found",
        airflow=airflow_version(),
        files=[str(path) for path in files],
        notes=_describe(isolation),
    )
    gc.freeze()  # what is loaded so far is shared with the workers, not copied
    for line in sys.stdin:
        wanted = [Path(path) for path in json.loads(line)]
        worker = fork(lambda: load_files(wanted, request, told))  # noqa: B023 - it ends before the next
        told.tell(event="working", pid=worker)
        told.tell(event="ended", code=wait_for(worker))


def load_files(files: Iterable[Path], request: Request, told: Told) -> None:
    """Load the files one by one, telling each step, until one has changed more of the process than can be undone."""
    stacks, handlers = Stacks(Path(request.stacks)), list_handlers()
    for path in files:
        sys.stdout.flush()
        told.tell(event="start", file=str(path), printed=_printed(), stacks=stacks.size)
        with kept_surroundings(), kept_modules():
            record = _record_whatever_happens(path, request)
        told.tell(event="loaded", record=record.to_dict())
        if record.changed or handlers != list_handlers() or not is_undisturbed(stacks):
            return


class Told:
    """The file in which the steps are told; opened for each, because a DAG file may close what is open."""

    # The functions are kept, because a DAG file may change those of `os`.
    _open, _write, _close = staticmethod(os.open), staticmethod(os.write), staticmethod(os.close)

    def __init__(self, path: str, seal: Seal) -> None:
        self._path, self._seal = path, seal

    def tell(self, **event: Any) -> None:
        """Add a line."""
        line = self._seal.close(event) + b"\n"
        file = self._open(self._path, os.O_WRONLY | os.O_APPEND)
        try:
            while line:
                line = line[self._write(file, line) :]
        finally:
            self._close(file)


class Stacks:
    """The file into which the interpreter writes where it is: on a fatal signal, and when asked with SIGUSR1."""

    _NUMBER = 200  # files that a DAG file opens, after it has closed all there are, get lower ones

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("ab") as stacks:
            self._file = fcntl.fcntl(stacks, fcntl.F_DUPFD_CLOEXEC, self._NUMBER)
        faulthandler.enable(self._file, all_threads=False)
        faulthandler.register(signal.SIGUSR1, self._file, all_threads=False)

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self._path.stat().st_size

    @property
    def is_open(self) -> bool:
        """Whether it still is the file that was opened."""
        try:
            return os.path.samestat(os.fstat(self._file), self._path.stat())
        except OSError:
            return False


def list_handlers() -> list[Any]:
    """Give what is done about each signal."""
    return [signal.getsignal(number) for number in sorted(signal.valid_signals())]


def is_undisturbed(stacks: Stacks) -> bool:
    """Tell whether the next file may be loaded in this process: nobody else is at work in it, and it can be heard."""
    alone = all(thread.daemon or thread is threading.main_thread() for thread in threading.enumerate())
    return alone and not has_children() and stacks.is_open and are_open(0, 1, 2)


def find_wanted(paths: tuple[str, ...], skip_folders: tuple[str, ...]) -> list[Path]:
    """Find the DAG files below *paths*, each once, without those in folders that are not looked into."""
    wanted: dict[Path, None] = {}
    for root in map(Path, paths):
        for path in find_files(root):
            if not any(_is_skipped(folder, skip_folders) for folder in _folders_between(root, path)):
                wanted[path] = None
    return list(wanted)


def _record_whatever_happens(path: Path, request: Request) -> FileRecord:
    """Record a file; what goes wrong while we look at what it gave is a failure of this file, and not of others."""
    try:
        with limited_memory(request.memory):
            return _record(path, request)
    except NoSuchPathError:
        return FileRecord(str(path), failures=(describe_gone(str(path)),))
    except Exception as error:
        return FileRecord(str(path), failures=(describe_unrecordable(str(path), error),))


def _record(path: Path, request: Request) -> FileRecord:
    if request.variation is None:
        return record_file(path)
    variation = Variation.from_dict(request.variation)
    parses = parse_twice(path, variation, request.circumstances)
    changed = dict.fromkeys(name for parsed in parses if parsed for name in parsed["changed"])
    packed = tuple(parsed and pack_dags(parsed) for parsed in parses)
    return FileRecord(str(path), parses=packed, changed=tuple(changed))


def record_file(path: Path) -> FileRecord:
    """Load one DAG file and read its DAGs; what Airflow itself asks its database meanwhile, an empty one answers."""
    with noted_lines():
        loaded = load_file(path)
        if any(asks_while_building(str(path), error.text) for error in loaded.errors.values()):
            with in_memory():
                loaded = load_file(path)
    structures, failures = _read_dags(loaded)
    refused = [describe_import(str(path), error, loaded.changed) for error in loaded.errors.values()]
    if not any(failure.finding.rule == "DYN405" for failure in refused):
        refused += [describe_access(str(path), line) for line in loaded.accesses]
    failures = [*refused, *failures]
    return FileRecord(
        path=str(path),
        structures=tuple(structures),
        failures=tuple(failures),
        seconds=loaded.seconds,
        warnings=loaded.warnings[:_MOST_WARNINGS],
        changed=loaded.changed,
    )


def _read_dags(loaded: LoadedFile) -> tuple[list[Structure], list[Failure]]:
    structures, failures = [], []
    for dag_id, dag in loaded.dags.items():
        try:
            structure = structure_of(dag)
        except Exception as error:
            failures.append(describe_unreadable(str(loaded.path), dag_id, error))
        else:
            structures.append(structure)
            failures += _try_to_store(dag, structure.location or Location(str(loaded.path)))
    return structures, failures


def _try_to_store(dag: Any, place: Location) -> list[Failure]:
    """Serialise *dag*; Airflow 2 asks its database about dataset aliases meanwhile, and an empty one answers."""
    error = try_serializing(dag)
    if error and lacks_table(error):
        with in_memory():
            error = try_serializing(dag)
    return [describe_unserialisable(dag.dag_id, place, error)] if error else []


def _folders_between(root: Path, path: Path) -> list[Path]:
    return [folder for folder in path.parents if root in folder.parents]


def _is_skipped(folder: Path, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(folder.name, pattern) for pattern in patterns) or (folder / "pyvenv.cfg").is_file()


def _describe(isolation: Isolation) -> list[str]:
    kept = isolation.let_through
    return [*isolation.notes, *([f"let through the isolation: {', '.join(kept)}"] if kept else [])]


def _printed() -> int:
    """Give how many bytes the standard output, a file, has so far."""
    return os.fstat(1).st_size


if __name__ == "__main__":
    main(Request.read(Path(sys.argv[1])))
    os._exit(0)
