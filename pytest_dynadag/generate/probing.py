"""Making a generation: a probe is started and watched, and started again behind a file that ends or stops it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import IO, Any

from pytest_dynadag.bridge.home import require_airflow
from pytest_dynadag.bridge.loading import NoSuchPathError
from pytest_dynadag.errors import DynadagError
from pytest_dynadag.generate.circumstances import Variation
from pytest_dynadag.generate.failures import (
    describe_changes,
    describe_death,
    describe_duplicate,
    describe_timeout,
    name_signal,
)
from pytest_dynadag.generate.printed import Printed, printed_in
from pytest_dynadag.generate.probe import Request
from pytest_dynadag.generate.records import Failure, FileRecord, Generation, Root
from pytest_dynadag.generate.sealing import Seal
from pytest_dynadag.location import Location

TIMEOUT = 30.0
"""How many seconds a DAG file may take to load, unless told otherwise."""

_STARTUP = 120.0  # seconds for importing Airflow and finding the files
_GLANCE = 0.02  # seconds between two looks at the events
_MOST_NOTES = 5
_STACK = 2.0  # seconds that a process gets to say where it is
_PATIENCE = 2.0  # seconds that a process gets to end all that DAG files have started
# How faulthandler's text ends: with the frame that `python -m` begins with, or cut after a hundred frames.
_END_OF_STACK = ("in _run_module_as_main\n", "  ...\n")


class GenerationStopped(Exception):  # noqa: N818 - as StopIteration, it is no error
    """Nobody waits for the generation any more."""


class ProbeError(DynadagError):
    """A probe ended before it had found the DAG files: *how*, and the end of what it *printed*."""

    def __init__(self, how: str, printed: str) -> None:
        self.how, self.printed = how, printed
        lines = "".join(f"\n  {line}" for line in printed.rstrip().splitlines()[-20:])
        super().__init__(f"Airflow could not be started to load the DAG files: the process {how}{lines}")


def generate(
    roots: Sequence[Root],
    *,
    folder: Path,
    timeout: float = TIMEOUT,
    let_through: Iterable[str] = (),
    import_folders: Iterable[Path] = (),
    skip_folders: Iterable[str] = (),
    memory: int = 0,
    variation: Variation | None = None,
    circumstances: Iterable[str] = (),
    tell: Callable[[int], None] = lambda number: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Generation:
    """
    Load the DAG files of *roots* in a process of their own, and record what each of them gave.

    A file that takes too long, or that ends the process, is recorded as a failure; the rest goes on in another
    process. Nothing that a file starts outlives the call.

    Args:
        roots: Where to look for DAG files: folders, or the files themselves.
        folder: A private folder for the isolated home and for what the probe writes; made where missing.
        timeout: How many seconds one file may take to load.
        let_through: Names, or patterns, of environment variables that the files may see although isolated.
        import_folders: What the files may import from, as Airflow puts its DAG folder on `sys.path`.
        skip_folders: Patterns of names of folders that are not looked into.
        memory: How many bytes more than before a process may use while it loads a file; 0 for any.
        variation: How the circumstances of this generation differ from the neutral ones, to compare generations.
        circumstances: The names of those that are varied in the whole comparison.
        tell: Called whenever a file is done, with the number of all files.
        stopped: Tells whether nobody waits for the generation any more; asked again and again.

    Raises:
        AirflowMissingError: Airflow is not installed.
        GenerationStopped: Nobody waits for it any more.
        NoSuchPathError: A root is not there.
        ProbeError: The process ended before it had found the files.
    """
    require_airflow()
    for root in roots:
        if not root.path.exists():
            raise NoSuchPathError(root.path)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    started = _now()
    request = Request(
        paths=tuple(str(root.path) for root in roots),
        home=str(folder / "home"),
        events=str(folder / "events.sealed"),
        stacks=str(folder / "stacks.txt"),
        let_through=tuple(let_through),
        import_folders=tuple(map(str, import_folders)),
        skip_folders=tuple(skip_folders),
        memory=memory,
        variation=variation.to_dict() if variation else None,
        circumstances=tuple(circumstances),
    )
    probe, records = _load_all(request, folder, timeout, tell, stopped)
    notes = (*probe.notes, *note_changes(records), *note_gone(records))
    return Generation(probe.version, mark_duplicates(records), _now() - started, tuple(roots), notes)


def note_gone(records: Sequence[FileRecord]) -> list[str]:
    """Say which files are gone since they were loaded: pytest collects nothing from them."""
    gone = [Location(path) for path in find_gone(records)]
    return [f"{place}: gone since it was loaded, so nothing of it is checked" for place in gone[:_MOST_NOTES]]


def find_gone(records: Iterable[FileRecord]) -> list[str]:
    """Give the paths of files that are gone since they were loaded."""
    return [record.path for record in records if not os.path.lexists(record.path)]


def note_changes(records: Sequence[FileRecord]) -> list[str]:
    """Say which files changed what everybody uses."""
    notes = [describe_changes(record.path, record.changed) for record in records if record.changed]
    more = [f"... and {len(notes) - _MOST_NOTES} more such files"] if len(notes) > _MOST_NOTES else []
    return [*notes[:_MOST_NOTES], *more]


def mark_duplicates(records: Sequence[FileRecord]) -> tuple[FileRecord, ...]:
    """Add a failure to each file that defines a dag_id which an earlier one has."""
    owners: dict[str, Location] = {}
    marked = []
    for record in records:
        found: list[Failure] = []
        for structure in record.structures:
            place = structure.location or Location(record.path)
            first = owners.setdefault(structure.dag_id, place)
            if first is not place:
                found.append(describe_duplicate(structure.dag_id, place, first))
        marked.append(replace(record, failures=(*record.failures, *found)) if found else record)
    return tuple(marked)


def _load_all(
    request: Request,
    folder: Path,
    timeout: float,
    tell: Callable[[int], None],
    stopped: Callable[[], bool],
) -> tuple[_Probe, list[FileRecord]]:
    """Have every file loaded, by another probe where one has ended; give the last one and the records in order."""
    files: tuple[str, ...] | None = None
    done: dict[str, FileRecord] = {}
    while True:
        with _started(request, folder) as probe:
            probe.stopped = stopped
            found = probe.find()
            files = found if files is None else files  # of the first probe: the later ones look for none
            while (remaining := [path for path in files if path not in done]) and not probe.has_ended:
                records = probe.load(remaining, timeout, partial(tell, len(files)))
                if not records:
                    raise ProbeError(probe.how, probe.log.read_end())
                done.update((record.path, record) for record in records)
        if not remaining:
            return probe, [done[path] for path in files]
        request = replace(request, paths=())


@dataclass(slots=True)
class _Probe:
    """A running probe, the worker that it has forked to load files, and what they have told so far."""

    process: subprocess.Popen[bytes]
    request: Request
    log: Printed
    seal: Seal
    position: int = 0
    version: str = ""
    notes: tuple[str, ...] = ()
    found: tuple[str, ...] | None = None
    worker: int | None = None
    code: int | None = None
    is_stopped: bool = False
    current: dict[str, Any] | None = None
    records: list[FileRecord] = field(default_factory=list)
    tell: Callable[[], None] = lambda: None
    stopped: Callable[[], bool] = lambda: False

    def find(self) -> tuple[str, ...]:
        """Wait until the files are found."""
        since = _now()
        while True:
            has_ended = self._glance()
            self._listen()
            if self.found is not None:
                return self.found
            if has_ended or _now() - since > _STARTUP:
                how = self.how if has_ended else f"did not get further within {_STARTUP:.0f} s"
                raise ProbeError(how, self.log.read_end())

    def load(self, files: Sequence[str], timeout: float, tell: Callable[[], None]) -> Sequence[FileRecord]:
        """Have files loaded until a worker has ended; give what it recorded, and the one that ended or stopped it."""
        self.records, self.code, self.tell, self.is_stopped = [], None, tell, False
        self.say(json.dumps(list(files)))
        since = _now()
        while True:
            has_ended = self._glance()
            if self._listen():
                since = _now()
            code = self.process.returncode if has_ended and self.code is None else self.code
            if code is not None:
                self._note_death(code, _now() - since)
                return self.records
            if _now() - since > (timeout if self.current else _STARTUP):
                self._note_timeout(timeout, _now() - since)
                since = _now()
            if self.log.bound() and self.current:
                self.current["printed"] = 0

    def say(self, line: str) -> None:
        """Write a line to the process's standard input, if it is still there."""
        with suppress(BrokenPipeError):
            self._stdin.write(f"{line}\n".encode())
            self._stdin.flush()

    @property
    def _stdin(self) -> IO[bytes]:
        assert self.process.stdin is not None
        return self.process.stdin

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone."""
        return self.process.poll() is not None

    @property
    def how(self) -> str:
        """How the process ended, or its worker, in words."""
        code = self.process.poll() if self.code is None else self.code
        if code is None:
            return "does not answer"
        return f"was ended by {name_signal(-code)}" if code < 0 else f"ended with exit code {code}"

    def end(self) -> None:
        """End the process, and all that it has started."""
        with suppress(BrokenPipeError):
            self._stdin.close()
        end_probe(self.process, self.worker)

    def _glance(self) -> bool:
        if self.stopped():
            raise GenerationStopped
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(_GLANCE)
            return True
        return False

    def _listen(self) -> bool:
        """Take in what the probe has told since the last time; tell whether there was something."""
        with Path(self.request.events).open("rb") as events:
            events.seek(self.position)
            told = events.read()
        # Read at once, then cut: what comes in between two reads would be taken for a line.
        complete = told[: told.rfind(b"\n") + 1]
        self.position += len(complete)
        lines = complete.splitlines()
        for line in lines:
            self._take(self.seal.open(line))
        return bool(lines)

    def _take(self, event: dict[str, Any]) -> None:
        if event["event"] == "found":
            self.version, self.notes = event["airflow"], tuple(event["notes"])
            self.found = tuple(event["files"])
        elif event["event"] == "working":
            self.worker = event["pid"]
        elif event["event"] == "ended":
            self.code = event["code"]
        elif self.is_stopped:
            return  # asked where it is, it may have woken up; what it says then comes too late
        elif event["event"] == "start":
            self.current = event
        else:
            self._record(FileRecord.from_dict(event["record"]))

    def _record(self, record: FileRecord) -> None:
        self.records.append(record)
        self.current = None
        self.tell()

    def _note_death(self, code: int, seconds: float) -> None:
        if self.current:
            path, printed = self.current["file"], self.log.read_end(self.current["printed"])
            failure = describe_death(path, code, self._stack(), printed)
            self._record(FileRecord(path, failures=(failure,), seconds=seconds))

    def _note_timeout(self, timeout: float, seconds: float) -> None:
        if self.current is None:
            raise ProbeError(f"did not get further within {seconds:.0f} s", self.log.read_end())
        path, printed = self.current["file"], self.log.read_end(self.current["printed"])
        failure = describe_timeout(path, timeout, self._ask_stack(), printed)
        self.is_stopped = True
        self._record(FileRecord(path, failures=(failure,), seconds=seconds))
        if self.worker is not None:
            with suppress(ProcessLookupError):
                os.kill(self.worker, signal.SIGKILL)

    def _stack(self) -> str:
        told = Path(self.request.stacks).read_bytes()
        return told[self.current["stacks"] if self.current else 0 :].decode(errors="replace")

    def _ask_stack(self) -> str:
        """Let the process write where it is; it may be too deep in compiled code to answer."""
        if self.worker is not None:
            with suppress(ProcessLookupError):
                os.kill(self.worker, signal.SIGUSR1)
        until = _now() + _STACK
        while not self._stack().endswith(_END_OF_STACK) and _now() < until:
            time.sleep(_GLANCE)
        return self._stack()


def end_probe(process: subprocess.Popen[bytes], worker: int | None = None) -> None:
    """End a probe, or an isolator, and all that it has started: it does so itself, or else it is done for it."""
    with suppress(subprocess.TimeoutExpired):
        process.terminate()
        process.wait(_PATIENCE)
    for group in (process.pid, worker):
        if group is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)
    process.wait()


@contextmanager
def _started(request: Request, folder: Path) -> Iterator[_Probe]:
    """Start a probe in a session of its own; whatever happens, end it and all that it started."""
    for name in (request.events, request.stacks):
        Path(name).write_bytes(b"")
    request.save(folder / "request.json")
    command = [sys.executable, "-m", "pytest_dynadag.generate.probe", str(folder / "request.json")]
    with printed_in(folder) as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=log.number,
            stderr=subprocess.STDOUT,
            # Generated names that depend on the hash seed stay the same from one session to the next.
            env={"PYTHONHASHSEED": "0", **os.environ, **_fix_seed(request)},
            start_new_session=True,
        )
        probe = _Probe(process, request, log, Seal())
        try:
            probe.say(probe.seal.key)
            yield probe
        finally:
            probe.end()


def _fix_seed(request: Request) -> dict[str, str]:
    """Give the hash seed of a varied generation; the number below 0 stands for sets that are turned."""
    if request.variation is None:
        return {}
    return {"PYTHONHASHSEED": str(max(Variation.from_dict(request.variation).number("hash_seed"), 0))}


def _now() -> float:
    # Not time.monotonic, which a test may have frozen.
    return time.clock_gettime(time.CLOCK_MONOTONIC)
