"""The probe: a fresh interpreter that finds and loads DAG files, and writes down what each of them gave."""

# Run as `python -m pytest_dynadag.generate.probe REQUEST.json`. What happens is told in a file of events, one JSON
# object a line, because DAG files print: whoever watches knows at any time which file is being loaded.

from __future__ import annotations

import ctypes
import faulthandler
import json
import os
import signal
import sys
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import IO, Any

from pytest_dynadag.bridge.database import in_memory
from pytest_dynadag.bridge.extract import structure_of
from pytest_dynadag.bridge.home import Isolation, airflow_version, settle
from pytest_dynadag.bridge.lines import noted_lines
from pytest_dynadag.bridge.loading import LoadedFile, bridge, find_files, load_file
from pytest_dynadag.bridge.serialized import try_serializing
from pytest_dynadag.generate.circumstances import Variation
from pytest_dynadag.generate.failures import (
    asks_while_building,
    describe_import,
    describe_unreadable,
    describe_unserialisable,
    lacks_table,
)
from pytest_dynadag.generate.parses import parse_twice
from pytest_dynadag.generate.records import Failure, FileRecord
from pytest_dynadag.graph.structure import Structure
from pytest_dynadag.location import Location

_PR_SET_PDEATHSIG = 1


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
    """Find the files and load them one by one, telling each step."""
    end_with_parent()
    sys.path[:1] = []  # `-m` puts the working directory there, which Airflow does not
    sys.path.extend(folder for folder in request.import_folders if folder not in sys.path)
    with Path(request.events).open("a", encoding="utf-8") as told, Path(request.stacks).open("w") as stacks:
        isolation = settle(Path(request.home), let_through=request.let_through)
        bridge()
        faulthandler.enable(stacks, all_threads=False)
        faulthandler.register(signal.SIGUSR1, stacks, all_threads=False)
        files = find_wanted(request.paths, request.skip_folders)
        _tell(
            told,
            event="found",
            airflow=airflow_version(),
            files=[str(path) for path in files],
            notes=_describe(isolation),
        )
        for path in files:
            sys.stdout.flush()
            _tell(told, event="start", file=str(path), printed=_printed())
            _tell(told, event="loaded", record=_record(path, request).to_dict())
        _tell(told, event="end")


def find_wanted(paths: tuple[str, ...], skip_folders: tuple[str, ...]) -> list[Path]:
    """Find the DAG files below *paths*, each once, without those in folders that are not looked into."""
    wanted: dict[Path, None] = {}
    for root in map(Path, paths):
        for path in find_files(root):
            if not any(_is_skipped(folder, skip_folders) for folder in _folders_between(root, path)):
                wanted[path] = None
    return list(wanted)


def _record(path: Path, request: Request) -> FileRecord:
    if request.variation is None:
        return record_file(path)
    variation = Variation.from_dict(request.variation)
    return FileRecord(str(path), parses=parse_twice(path, variation, request.circumstances))


def record_file(path: Path) -> FileRecord:
    """Load one DAG file and read its DAGs; what Airflow itself asks its database meanwhile, an empty one answers."""
    with noted_lines():
        loaded = load_file(path)
        if any(asks_while_building(str(path), error.text) for error in loaded.errors.values()):
            with in_memory():
                loaded = load_file(path)
    structures, failures = _read_dags(loaded)
    failures = [*(describe_import(str(path), error) for error in loaded.errors.values()), *failures]
    return FileRecord(str(path), tuple(structures), tuple(failures), loaded.seconds, loaded.warnings)


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


def _tell(told: IO[str], **event: Any) -> None:
    told.write(json.dumps(event) + "\n")
    told.flush()


def _printed() -> int:
    """Give how many bytes the standard output, a file, has so far."""
    return os.fstat(1).st_size


def end_with_parent() -> None:
    """Let the kernel end this process when the one that started it ends, where the kernel can (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main(Request.read(Path(sys.argv[1])))
    sys.stdout.flush()
    os._exit(0)  # a thread that a DAG file started must not keep the process
