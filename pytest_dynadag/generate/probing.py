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
from pathlib import Path
from typing import Any

from pytest_dynadag.bridge.home import require_airflow
from pytest_dynadag.bridge.loading import NoSuchPathError
from pytest_dynadag.errors import DynadagError
from pytest_dynadag.generate.circumstances import Variation
from pytest_dynadag.generate.failures import (
    describe_death,
    describe_duplicate,
    describe_timeout,
    name_signal,
)
from pytest_dynadag.generate.probe import Request
from pytest_dynadag.generate.records import Failure, FileRecord, Generation, Root
from pytest_dynadag.location import Location

TIMEOUT = 30.0
"""How many seconds a DAG file may take to load, unless told otherwise."""

_STARTUP = 120.0  # seconds for importing Airflow and finding the files
_GLANCE = 0.02  # seconds between two looks at the events
_STACK = 2.0  # seconds that a process gets to say where it is
# How faulthandler's text ends: with the frame that `python -m` begins with, or cut after a hundred frames.
_END_OF_STACK = ("in _run_module_as_main\n", "  ...\n")


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
    variation: Variation | None = None,
    circumstances: Iterable[str] = (),
    tell: Callable[[int], None] = lambda number: None,
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
        variation: How the circumstances of this generation differ from the neutral ones, to compare generations.
        circumstances: The names of those that are varied in the whole comparison.
        tell: Called whenever a file is done, with the number of all files.

    Raises:
        AirflowMissingError: Airflow is not installed.
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
        events=str(folder / "events.jsonl"),
        stacks=str(folder / "stacks.txt"),
        let_through=tuple(let_through),
        import_folders=tuple(map(str, import_folders)),
        skip_folders=tuple(skip_folders),
        variation=variation.to_dict() if variation else None,
        circumstances=tuple(circumstances),
    )
    probe, records = _load_all(request, folder, timeout, tell)
    return Generation(probe.version, mark_duplicates(records), _now() - started, tuple(roots), probe.notes)


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
    request: Request, folder: Path, timeout: float, tell: Callable[[int], None]
) -> tuple[_Probe, list[FileRecord]]:
    """Start probes until every file is dealt with; give the last probe and the records in order."""
    files: tuple[str, ...] = ()
    done: dict[str, FileRecord] = {}
    while True:
        with _started(request, folder) as probe:
            probe.tell, probe.total = tell, len(files)
            probe.watch(timeout)
        files = files or probe.found or ()  # of the first probe: the later ones get what remains
        done.update((record.path, record) for record in probe.records)
        remaining = tuple(path for path in files if path not in done)
        if not remaining:
            return probe, [done[path] for path in files]
        if not probe.records:
            raise ProbeError(probe.how, probe.printed(0))
        request = replace(request, paths=remaining)


@dataclass(slots=True)
class _Probe:
    """A running probe and what it has told so far."""

    process: subprocess.Popen[bytes]
    request: Request
    log: Path
    position: int = 0
    version: str = ""
    notes: tuple[str, ...] = ()
    found: tuple[str, ...] | None = None
    current: dict[str, Any] | None = None
    ended: bool = False
    records: list[FileRecord] = field(default_factory=list)
    tell: Callable[[int], None] = lambda number: None
    total: int = 0

    def watch(self, timeout: float) -> None:
        """Follow the events until the probe has ended, or has taken too long with a file."""
        since = _now()
        while True:
            code = self._glance()
            if self._listen():
                since = _now()
            if self.ended:
                return
            if code is not None:
                self._note_death(code, _now() - since)
                return
            if _now() - since > (_STARTUP if self.found is None else timeout):
                self._note_timeout(timeout, _now() - since)
                return

    @property
    def how(self) -> str:
        """How the process ended, in words."""
        code = self.process.returncode
        return f"was ended by {name_signal(-code)}" if code < 0 else f"ended with exit code {code}"

    def printed(self, start: int) -> str:
        """Give what the process has printed from the byte *start* on."""
        with self.log.open("rb") as log:
            log.seek(start)
            return log.read().decode(errors="replace")

    def _glance(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            return self.process.wait(_GLANCE)
        return None

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
            self._take(json.loads(line))
        return bool(lines)

    def _take(self, event: dict[str, Any]) -> None:
        if event["event"] == "found":
            self.version, self.notes = event["airflow"], tuple(event["notes"])
            self.found = tuple(event["files"])
            self.total = self.total or len(self.found)
        elif event["event"] == "start":
            self.current = event
        elif event["event"] == "loaded":
            self.records.append(FileRecord.from_dict(event["record"]))
            self.current = None
            self.tell(self.total)
        else:
            self.ended = True

    def _note_death(self, code: int, seconds: float) -> None:
        if self.found is None:
            raise ProbeError(self.how, self.printed(0))
        if self.current:
            path, printed = self.current["file"], self.printed(self.current["printed"])
            failure = describe_death(path, code, self._stack(), printed)
            self.records.append(FileRecord(path, failures=(failure,), seconds=seconds))

    def _note_timeout(self, timeout: float, seconds: float) -> None:
        if self.current is None:
            raise ProbeError(f"did not get further within {seconds:.0f} s", self.printed(0))
        path, printed = self.current["file"], self.printed(self.current["printed"])
        failure = describe_timeout(path, timeout, self._ask_stack(), printed)
        self.records.append(FileRecord(path, failures=(failure,), seconds=seconds))

    def _stack(self) -> str:
        return Path(self.request.stacks).read_text(encoding="utf-8", errors="replace")

    def _ask_stack(self) -> str:
        """Let the process write where it is; it may be too deep in compiled code to answer."""
        self.process.send_signal(signal.SIGUSR1)
        until = _now() + _STACK
        while not self._stack().endswith(_END_OF_STACK) and _now() < until:
            time.sleep(_GLANCE)
        return self._stack()


@contextmanager
def _started(request: Request, folder: Path) -> Iterator[_Probe]:
    """Start a probe in a session of its own; whatever happens, end it and all that it started."""
    for name in (request.events, request.stacks):
        Path(name).write_bytes(b"")
    request.save(folder / "request.json")
    log = folder / "printed.txt"
    command = [sys.executable, "-m", "pytest_dynadag.generate.probe", str(folder / "request.json")]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Generated names that depend on the hash seed stay the same from one session to the next.
            env={"PYTHONHASHSEED": "0", **os.environ, **_fix_seed(request)},
            start_new_session=True,
        )
    try:
        yield _Probe(process, request, log)
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _fix_seed(request: Request) -> dict[str, str]:
    """Give the hash seed of a varied generation; the number below 0 stands for sets that are turned."""
    if request.variation is None:
        return {}
    return {"PYTHONHASHSEED": str(max(Variation.from_dict(request.variation).number("hash_seed"), 0))}


def _now() -> float:
    # Not time.monotonic, which a test may have frozen.
    return time.clock_gettime(time.CLOCK_MONOTONIC)
