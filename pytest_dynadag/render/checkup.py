"""What the doctor says of an installation and a project: lines with a verdict each, made from plain data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pytest_dynadag.printable import escape_lines

_NEXT = "\n  next: "
_MOST_NAMES = 8
_SLOW = 10.0
"""Seconds from which on a step is worth a word."""
_LITTLE_SPACE = 200 * 1024**2

NO_FILES = "look into .airflowignore; files that mention airflow and dag are DAG files, tests are none"
"""What to do where a folder has no DAG files."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was looked at: the *verdict*, *subject*, *what* was seen, what to do, and *details* below."""

    verdict: str
    subject: str
    what: str
    remedy: str = ""
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        first, *rest = escape_lines(self.what).splitlines() or [""]
        below = [*rest, *self.details, *([f"next: {self.remedy}"] if self.remedy else [])]
        indented = "".join(f"\n{'':21}{line.strip()}" for line in below)
        return f"{self.verdict:4}  {self.subject:14} {first}{indented}"


@dataclass(frozen=True, slots=True)
class Library:
    """A distribution: its *version*, None where it is missing, what we *need* of it, and whether that is so."""

    name: str
    version: str | None
    need: str = ""
    fits: bool = True


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder, or file, in which DAGs are looked for: how it is shown, *why* there, and what is wrong with it."""

    path: str
    why: str
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a generation gave: how many *files* and *dags*, the files that *failed*, and its *notes*."""

    files: int
    dags: int
    failed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the start-up, and how many *seconds* it took; *about* says more, such as the slowest file."""

    what: str
    seconds: float
    about: str = ""


def tell(lines: Sequence[Line]) -> str:
    """Compose what is shown: the lines, and how many of them ask for attention."""
    bad, notes = (sum(1 for line in lines if line.verdict == verdict) for verdict in ("bad", "note"))
    last = f"{bad} bad, {notes} to note" if bad or notes else "all well"
    return "\n".join([*map(str, lines), last])


def is_well(lines: Iterable[Line]) -> bool:
    """Tell whether nothing is bad."""
    return all(line.verdict != "bad" for line in lines)


def describe_error(subject: str, error: str) -> Line:
    """Say what is bad, by the message of an *error* that names the next step itself."""
    what, _, remedy = error.partition(_NEXT)
    return Line("bad", subject, what, remedy)


def examine_libraries(python: str, libraries: Sequence[Library]) -> Iterator[Line]:
    """Say which versions are installed, and which of them are not those that are needed."""
    present = [f"{library.name} {library.version}" for library in libraries if library.version]
    yield Line("ok", "versions", ", ".join([f"Python {python}", *present]))
    for library in libraries:
        if not library.fits:
            found = f"{library.name} {library.version or 'is not installed'}"
            wanted = f"{library.name}{library.need}"
            yield Line("bad", "versions", f"{found}; {wanted} is needed", f"pip install '{wanted}'")


def examine_airflow(version: str, oldest: tuple[int, int], newest: tuple[int, int]) -> Line:
    """Say which Airflow is installed, and whether it is one that is known."""
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    first, last = (".".join(map(str, bound)) for bound in (oldest, newest))
    if numbers < oldest:
        return Line("bad", "Airflow", f"{version} is too old", f"use Airflow {first} or later")
    if numbers > newest:
        remedy = f"compare a plan with a run (dynadag.assert_same) before you trust plans as you do on {last}"
        return Line("note", "Airflow", f"{version} is newer than what is known, and taken for {last}", remedy)
    return Line("ok", "Airflow", version)


def examine_isolation(hidden: int, let_through: Sequence[str]) -> Iterator[Line]:
    """Say how much of the machine's environment DAG files cannot see, and what they can."""
    told = f"{hidden} name{'' if hidden == 1 else 's'} of the environment" if hidden else "nothing to hide"
    yield Line("ok", "isolated", f"{told} (AIRFLOW_HOME, AIRFLOW__*, AIRFLOW_CONN_*, AIRFLOW_VAR_*)")
    if let_through:
        remedy = "leave in dynadag_env only names that lead to nothing a test must not touch"
        yield Line("note", "let through", enumerate_names(let_through), remedy)
    else:
        yield Line("ok", "let through", "nothing")


def examine_wishes(refused: Sequence[str], unmatched: Sequence[str]) -> Iterator[Line]:
    """Say which entries of `dynadag_env` have no effect: names never let through, and names that are not set."""
    if refused:
        remedy = "take them out of dynadag_env: with them, a test would write to a database that is not ours"
        yield Line("note", "let through", f"never: {enumerate_names(refused)}", remedy)
    if unmatched:
        remedy = "set them where pytest runs, or take them out of dynadag_env"
        yield Line("note", "let through", f"not set: {enumerate_names(unmatched)}", remedy)


def examine_folders(folders: Sequence[Folder]) -> Iterator[Line]:
    """Say where DAG files are looked for, and why there."""
    if not folders:
        remedy = "name DAG files or folders (pytest --dynadag PATH ...), or set the ini dynadag_dags"
        yield Line("bad", "DAG folder", "no DAG files or folders to load", remedy)
    for folder in folders:
        what = f"{folder.path} ({folder.why})"
        if folder.wrong:
            remedy = "name DAG files or folders (pytest --dynadag PATH ...), or set the ini dynadag_dags"
            if folder.wrong == "cannot be read":
                remedy = "let the user that runs pytest read it and enter it"
            yield Line("bad", "DAG folder", f"{what} {folder.wrong}", remedy)
        else:
            yield Line("ok", "DAG folder", what)


def examine_loaded(loaded: Loaded) -> Iterator[Line]:
    """Say how many DAG files there are, what they define, and which do not load."""
    what = f"{loaded.files} file{'' if loaded.files == 1 else 's'} with {loaded.dags} DAG{'' if loaded.dags == 1 else 's'}"
    if not loaded.files:
        yield Line("bad", "DAG files", "none", NO_FILES)
    elif loaded.failed:
        remedy = "pytest --dynadag shows what is wrong"
        yield Line(
            "bad", "DAG files", f"{what}; not as they should be: {enumerate_names(loaded.failed)}", remedy
        )
    else:
        yield Line("ok", "DAG files", what)
    for note in loaded.notes:
        yield Line("note", "DAG files", note)


def examine_steps(steps: Sequence[Step]) -> Iterator[Line]:
    """Say how long each step of the start-up takes."""
    for step in steps:
        what = f"{step.what}: {step.seconds:.2f} s{f', {step.about}' if step.about else ''}"
        if step.seconds < _SLOW:
            yield Line("ok", "time", what)
        else:
            remedy = "look at what is done at the top of modules, at slow disks, and at virus scanners"
            yield Line("note", "time", what, remedy)


def describe_database(engine: str, version: str) -> Line:
    """Return which metadata database runs use on a *version* of Airflow."""
    if engine == "airflow":
        what = "a file in the private folder, one per process, emptied before each run"
    elif version.startswith("2."):
        what = "in memory, one per process, copied from a template before each run"
    else:
        what = "none: runs need none"
    return Line("ok", "database", f"{what} (engine {engine})")


def examine_temporary(folder: str, free: int, wrong: str = "") -> Line:
    """Say where temporary files go, whether others are kept out, and whether there is room."""
    if wrong:
        return Line("bad", "temporary", f"{folder} {wrong}", "point TMPDIR to a folder that is yours alone")
    room = f"{free / 1024**3:.1f} GB free"
    if free < _LITTLE_SPACE:
        return Line("note", "temporary", f"{folder}, {room}", "make room there, or point TMPDIR elsewhere")
    return Line("ok", "temporary", f"a private folder in {folder}, {room}; removed at the end")


def describe_defects(version: str, defects: Sequence[str]) -> Line:
    """Say which defects of the installed Airflow are known."""
    what = f"{len(defects)} known in Airflow {version}: a DAG that meets one is told so (DYN305)"
    return Line("ok", "defects", what, details=tuple(f"- {defect}" for defect in defects))


def describe_snapshots(stores: Mapping[str, int]) -> Line:
    """Say where snapshots are kept, and how many there are in each kind of store."""
    told = (f"{name} ({count} file{'' if count == 1 else 's'})" for name, count in stores.items())
    return Line("ok", "snapshots", ", ".join(told))


def enumerate_names(names: Sequence[str]) -> str:
    """Join names; a long list is cut and the rest counted."""
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more
