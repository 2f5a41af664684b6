"""Determinism: the generations of a folder are compared, and what differs is isolated."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from pytest_dynadag.generate.circumstances import CIRCUMSTANCES, SEEDS, Own, choose
from pytest_dynadag.generate.comparison import Change, compare, mask_value, whole_list
from pytest_dynadag.generate.divergences import Determinism, FileVerdict
from pytest_dynadag.generate.expansions import narrow_to_expansions
from pytest_dynadag.generate.instruments import environment, zone
from pytest_dynadag.generate.isolation import every
from pytest_dynadag.generate.isolator import IsolationRequest
from pytest_dynadag.generate.printed import Printed, printed_in
from pytest_dynadag.generate.probing import (
    TIMEOUT,
    GenerationStopped,
    ProbeError,
    end_probe,
    find_gone,
    generate,
)
from pytest_dynadag.generate.progress import Tell, count_aloud
from pytest_dynadag.generate.reading import describe_unvaried
from pytest_dynadag.generate.records import FileRecord, Generation, Root
from pytest_dynadag.generate.sealing import Seal
from pytest_dynadag.secrecy import hide_assigned

_MOST_GONE = 5
_GLANCE = 0.1  # seconds between two looks at what an isolator prints
Parse = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Check:
    """
    A determinism check of some roots.

    Attributes:
        roots: Where DAG files are.
        folder: A private folder to work in.
        names: The circumstances that are varied.
        seeds: How many generations are compared.
        own: The user's circumstances.
        timeout: As for `generate`.
        let_through: As for `generate`.
        import_folders: As for `generate`.
        skip_folders: As for `generate`.
        memory: As for `generate`.
        now: The instant of the neutral generation, in seconds since 1970.
        tell: Called with a line of progress.
        cores: How many processes run at a time.
        stopped: Set once nobody waits for the verdict any more.
        seal: Closes what is asked and answered.
    """

    roots: tuple[Root, ...]
    folder: Path
    names: tuple[str, ...]
    now: float
    seeds: int = SEEDS
    own: tuple[Own, ...] = ()
    timeout: float = TIMEOUT
    let_through: tuple[str, ...] = ()
    import_folders: tuple[Path, ...] = ()
    skip_folders: tuple[str, ...] = ()
    memory: int = 0
    tell: Tell = lambda line: None
    cores: int = 1
    stopped: threading.Event = field(default_factory=threading.Event)
    seal: Seal = field(default_factory=Seal)

    def judge(self, given: Any = None) -> Determinism:
        """Screen, isolate, and give the verdict; as `check`."""
        started = time.clock_gettime(time.CLOCK_MONOTONIC)
        generations = self.screen()
        gone = find_gone(generations[0].files)  # nobody can say what another process would have made of them
        suspects = {path: seen for path, seen in find_suspects(generations).items() if path not in gone}
        verdicts = {verdict.path: verdict for verdict in self.isolate(suspects)} if suspects else {}
        files = tuple(verdicts.get(record.path, FileVerdict(record.path)) for record in generations[0].files)
        if given is not None:
            files = narrow_to_expansions(files, generations, given)
        seconds = time.clock_gettime(time.CLOCK_MONOTONIC) - started
        not_checked = (*find_not_applied(generations, self.own), *_describe_gone(gone))
        return Determinism(files, self.seeds, self.names, not_checked, seconds)

    def screen(self) -> list[Generation]:
        """Make the generations, each with every circumstance changed at once; the first is the neutral one."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        count = count_aloud(self.tell, "checking determinism: {} of {} parses", times=self.seeds)
        with self._side_by_side() as pool:
            return list(pool.map(partial(self._generate, count=count), range(self.seeds)))

    def isolate(self, suspects: Mapping[str, list[Change]]) -> list[FileVerdict]:
        """
        Find out what each of the files depends on that differed.

        Other hash seeds need other interpreters: they are asked only about files that nothing else explains. Where a
        file's own sets can be turned round, no seed is needed.
        """
        self.tell(
            f"looking for the cause in {_count(suspects)} that differ{'' if len(suspects) > 1 else 's'}"
        )
        verdicts = self._judge(suspects, {})
        still_open = {path: seen for path, seen in suspects.items() if not is_explained(verdicts[path], seen)}
        if still_open and "hash_seed" in self.names:
            self.tell(f"trying other hash seeds for {_count(still_open)}")
            verdicts.update(self._judge(still_open, self._parse_under_seeds(still_open)))
        return [verdicts[path] for path in suspects]

    def _judge(
        self, suspects: Mapping[str, list[Change]], others: Mapping[str, str]
    ) -> dict[str, FileVerdict]:
        chunks = [dict(list(suspects.items())[start :: self.cores]) for start in range(self.cores)]
        name = "again" if others else "isolate"
        requests = [
            self._request(f"{name}-{number}", chunk, others=dict(others))
            for number, chunk in enumerate(chunks)
            if chunk
        ]
        answers = self._run(requests, [0] * len(requests))
        return {path: _read_verdict(data) for answer in answers for path, data in answer.items()}

    def _generate(self, number: int, count: Callable[[int], None]) -> Generation:
        return generate(
            self.roots,
            folder=self.folder / f"screen-{number}",
            timeout=self.timeout,
            let_through=self.let_through,
            import_folders=self.import_folders,
            skip_folders=self.skip_folders,
            memory=self.memory,
            variation=every(self.names, number, now=self.now, own=self.own),
            circumstances=self.names,
            tell=count,
            stopped=self.stopped.is_set,
        )

    def _parse_under_seeds(self, files: Mapping[str, list[Change]]) -> dict[str, str]:
        """Parse the files once under each other hash seed; give the files of the answers."""
        seeds = range(1, self.seeds)
        requests = [self._request(f"seed-{seed}", files, neutral_only=True) for seed in seeds]
        self._run(requests, list(seeds))
        return {str(seed): request.answer for seed, request in zip(seeds, requests, strict=True)}

    def _request(self, name: str, files: Mapping[str, list[Change]], **more: Any) -> IsolationRequest:
        folder = self.folder / name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return IsolationRequest(
            files={path: [list(astuple(change)) for change in seen] for path, seen in files.items()},
            home=str(folder / "home"),
            answer=str(folder / "answer.sealed"),
            names=self.names,
            seeds=self.seeds,
            now=self.now,
            timeout=self.timeout,
            memory=self.memory,
            own=tuple((entry.name, entry.call) for entry in self.own),
            let_through=self.let_through,
            import_folders=tuple(map(str, self.import_folders)),
            **more,
        )

    def _run(self, requests: Sequence[IsolationRequest], seeds: Sequence[int]) -> list[dict[str, Any]]:
        """Run isolators side by side; give their answers."""
        run = partial(_run_isolator, seal=self.seal, stopped=self.stopped.is_set)
        with self._side_by_side() as pool:
            return list(pool.map(run, requests, seeds))

    @contextmanager
    def _side_by_side(self) -> Iterator[ThreadPoolExecutor]:
        """Work in threads; where that is interrupted, each ends what it has started, and begins nothing more."""
        with ThreadPoolExecutor(self.cores) as pool:
            try:
                yield pool
            except BaseException:
                self.stopped.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def check(
    roots: Sequence[Root],
    *,
    folder: Path,
    circumstances: Iterable[str] = (),
    seeds: int = SEEDS,
    own: Iterable[Own] = (),
    given: Any = None,
    tell: Tell = lambda line: None,
    timeout: float = TIMEOUT,
    let_through: Iterable[str] = (),
    import_folders: Iterable[Path] = (),
    skip_folders: Iterable[str] = (),
    memory: int = 0,
) -> Determinism:
    """
    Compare generations of the DAG files of *roots*, and find out what those that differ depend on.

    Args:
        roots: Where DAG files are.
        folder: A private folder to work in.
        circumstances: Names as for `circumstances.choose`; none for the defaults.
        seeds: How many generations to compare, at least 2.
        own: Circumstances that the user added.
        given: A `Given`: compare what the DAGs become for it, instead of the DAGs themselves.
        tell: Called with lines of progress.
        timeout: As for `generate`.
        let_through: As for `generate`.
        import_folders: As for `generate`.
        skip_folders: As for `generate`.
        memory: As for `generate`.

    Raises:
        UnknownCircumstanceError: There is no such circumstance.
        ProbeError: Airflow could not be started.
    """
    own = tuple(own)
    names, not_checked = _choose_possible(circumstances, own)
    task = Check(
        tuple(roots),
        folder,
        names,
        now=time.time(),
        seeds=max(seeds, 2),
        own=own,
        cores=count_cores(),
        timeout=timeout,
        let_through=tuple(let_through),
        import_folders=tuple(import_folders),
        skip_folders=tuple(skip_folders),
        memory=memory,
        tell=tell,
    )
    found = task.judge(given)
    unvaried = describe_unvaried(file.path for file in found.files) if environment.NAME in names else ()
    return replace(found, not_checked=(*not_checked, *found.not_checked, *unvaried))


def count_cores() -> int:
    """Give how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def is_explained(verdict: FileVerdict, seen: Iterable[Change]) -> bool:
    """Tell whether causes were found, and for every list whose order was seen to differ."""
    if any(entry.rule == "DYN109" for entry in verdict.divergences):
        return False
    known = {whole_list(entry.pointer) for entry in verdict.divergences}
    orders = {whole_list(change.pointer) for change in seen if change.order_only}
    return bool(known) and orders <= known


def find_suspects(generations: Sequence[Generation]) -> dict[str, list[Change]]:
    """Give the files whose generations differ, each with the first changes that were seen."""
    neutral, *others = generations
    suspects = {}
    for record in neutral.files:
        changes = _compare_second(record)
        for generation in others:
            other = generation.by_path.get(record.path)
            changes = changes or compare(first_parse(record), first_parse(other))
            changes = changes or (_compare_second(other) if other else [])
        if changes:
            suspects[record.path] = changes
    return suspects


def find_not_applied(generations: Iterable[Generation], own: Iterable[Own]) -> tuple[str, ...]:
    """Say which circumstances of the user's failed in some parse, each with the reason."""
    parses = [parsed for made in generations for record in made.files for parsed in record.parses if parsed]
    reasons = {name: why for parsed in parses for name, why in parsed["not_applied"].items()}
    return tuple(
        f"{entry.circumstance.words}: {reasons[entry.name]}" for entry in own if entry.name in reasons
    )


def first_parse(record: FileRecord | None) -> Parse:
    """Give what a file's first parse gave; of one that ended its process, that it did."""
    if record is not None and record.parses:
        return dict(record.parses[0])
    why = record.failures[0].finding.message if record and record.failures else "the file was not found"
    return {"dags": {}, "failure": why}


def _compare_second(record: FileRecord) -> list[Change]:
    """Compare the two parses of one process."""
    second = record.parses[1] if len(record.parses) > 1 else None
    return compare(record.parses[0], second, only=second.get("as")) if second else []


def _choose_possible(wanted: Iterable[str], own: tuple[Own, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give the circumstances that are varied, and why others are not."""
    names = choose(wanted, own)
    left_out = [name for name, entry in CIRCUMSTANCES.items() if name not in names and not entry.on_request]
    notes = [f"{CIRCUMSTANCES[name].words}: switched off" for name in left_out]
    if "time_zone" in names and not zone.is_available():
        names = tuple(name for name in names if name != "time_zone")
        notes.append("the time zone: the system does not know the time zones by name (package tzdata)")
    return names, tuple(notes)


def _describe_gone(paths: Sequence[str]) -> list[str]:
    shown = [f"{path}: gone since it was loaded" for path in paths[:_MOST_GONE]]
    more = len(paths) - len(shown)
    return [*shown, f"{more} more that are gone since they were loaded"] if more else shown


def _count(files: Collection[str]) -> str:
    return f"{len(files)} file{'' if len(files) == 1 else 's'}"


def _run_isolator(
    request: IsolationRequest, seed: int, seal: Seal, stopped: Callable[[], bool]
) -> dict[str, Any]:
    """Have an isolator answer, unless nobody waits any more."""
    folder = Path(request.answer).parent
    request.save(folder / "request.sealed", seal)
    with printed_in(folder) as log:
        code = _wait_for_isolator(folder / "request.sealed", seed, seal, log, stopped)
        if code != 0 or not Path(request.answer).is_file():
            raise ProbeError(f"ended with exit code {code}", log.read_end())
    answer: dict[str, Any] = seal.read(Path(request.answer))
    return answer


def _wait_for_isolator(
    request: Path, seed: int, seal: Seal, log: Printed, stopped: Callable[[], bool]
) -> int:
    """Start an isolator and wait for it, unless nobody waits any more; in any case end it and what it started."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest_dynadag.generate.isolator", str(request)],
        stdin=subprocess.PIPE,
        stdout=log.number,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONHASHSEED": str(seed)},
        start_new_session=True,
    )
    try:
        assert process.stdin is not None
        with suppress(BrokenPipeError), process.stdin:
            process.stdin.write(seal.key.encode())
        while process.poll() is None:
            if stopped():
                raise GenerationStopped
            log.bound()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_GLANCE)
    finally:
        end_probe(process)
    return process.returncode


def _read_verdict(data: dict[str, Any]) -> FileVerdict:
    """Read the verdict of another process, which does not know what this project keeps secret."""
    verdict = FileVerdict.from_dict(data)
    entries = (
        replace(
            entry,
            baseline=mask_value(entry.pointer, entry.baseline),
            changed=mask_value(entry.pointer, entry.changed),
            source=hide_assigned(entry.source),
        )
        for entry in verdict.divergences
    )
    return replace(verdict, divergences=tuple(entries))
