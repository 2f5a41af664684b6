"""DAG files that end their process, never end, or change the world: each is named, and the file after it is as ever."""

from __future__ import annotations

import re
import sys
import threading
from pathlib import Path

import hostile
import pytest

from pytest_dynadag.generate.probing import generate
from pytest_dynadag.generate.records import FileRecord, Generation, Root

BAD = {**hostile.ENDS, **hostile.HANGS, **hostile.CHANGES, **hostile.FAILS}
_ALLOW = (
    "load and build less before the tasks run, or allow a file more with the ini dynadag_memory (such as 8GB)"
)
_EXITS = "DAG files are imported: keep what is meant for the command line below `if __name__ == '__main__':`"
_SENDS = "look for what sends the signal while the file is loaded"
_COMPILED = "the crash is in compiled code that the file uses: load that inside a task"
_ENDS = "look for os._exit() in the file and in what it imports"
_WAITS = (
    "move what waits (a request, a query, a sleep) into a task, or allow more with --dynadag-timeout SECONDS"
)
_MEMORY = "was it out of memory? Look at what the file loads or builds before its tasks run"

MESSAGES = {
    "calls_exit": (
        3,
        f"DYN401 the file ends the process while it is loaded (SystemExit: no more)\n  next: {_EXITS}",
    ),
    "calls_quit": (
        2,
        f"DYN401 the file ends the process while it is loaded (SystemExit: None)\n  next: {_EXITS}",
    ),
    "calls_abort": (3, f"DYN404 the process that loaded the file was ended by SIGABRT\n  next: {_SENDS}"),
    "ends_process": (1, f"DYN404 the process that loaded the file ended with exit code 0\n  next: {_ENDS}"),
    "interrupts": (1, f"DYN404 the process that loaded the file was ended by SIGINT\n  next: {_SENDS}"),
    "raises_interrupt": (1, f"DYN404 the process that loaded the file was ended by SIGINT\n  next: {_SENDS}"),
    "terminates": (1, f"DYN404 the process that loaded the file was ended by SIGTERM\n  next: {_SENDS}"),
    "rings": (1, f"DYN404 the process that loaded the file was ended by SIGALRM\n  next: {_SENDS}"),
    "kills_parent": (1, f"DYN404 the process that loaded the file was ended by SIGKILL\n  next: {_MEMORY}"),
    "terminates_parent": (
        1,
        f"DYN404 the process that loaded the file was ended by SIGTERM\n  next: {_SENDS}",
    ),
    "terminates_group": (
        1,
        f"DYN404 the process that loaded the file was ended by SIGTERM\n  next: {_SENDS}",
    ),
    "crashes": (3, f"DYN404 the process that loaded the file was ended by SIGSEGV\n  next: {_COMPILED}"),
    "overflows": (5, f"DYN404 the process that loaded the file was ended by SIGSEGV\n  next: {_COMPILED}"),
    "recurses": (2, "DYN401 RecursionError: maximum recursion depth exceeded"),
    "needs_memory": (
        2,
        f"DYN401 the file runs out of memory while it is loaded (MemoryError)\n  next: {_ALLOW}",
    ),
    "needs_more_and_more": (
        3,
        f"DYN401 the file runs out of memory while it is loaded (MemoryError)\n  next: {_ALLOW}",
    ),
    "sleeps": (3, f"DYN402 still loading after 5 s, and stopped\n  next: {_WAITS}"),
    "sleeps_in_c": (3, f"DYN402 still loading after 5 s, and stopped\n  next: {_WAITS}"),
    "searches": (3, f"DYN402 still loading after 5 s, and stopped\n  next: {_WAITS}"),
    "stops": (1, f"DYN402 still loading after 5 s, and stopped\n  next: {_WAITS}"),
    "raises_at_length": (2, f"DYN401 ValueError: {'x' * 988}... (10000012 characters)"),
    "raises_markup": (
        2,
        r"DYN401 ValueError: \u001b[31mred\u001b[0m \u202eright to left \u0007",
    ),
    "circle_one": (
        3,
        (
            "DYN401 AttributeError: partially initialized module 'circle_two' has no attribute 'x' "
            "(most likely due to a circular import)"
        ),
    ),
    "circle_two": (
        3,
        (
            "DYN401 AttributeError: partially initialized module 'circle_one' has no attribute 'x' "
            "(most likely due to a circular import)"
        ),
    ),
    "not_utf8": (
        2,
        (
            "DYN401 SyntaxError: (unicode error) 'utf-8' codec can't decode byte 0xe4 in position 0: "
            "invalid continuation byte"
        ),
    ),
    "null_byte": (1, "DYN401 SyntaxError: source code string cannot contain null bytes"),
}
"""What is said of each file, and its line."""

if sys.version_info < (3, 11, 4):  # the first patch of 3.11 whose parser says what kind of error it is
    MESSAGES["null_byte"] = (1, "DYN401 ValueError: source code string cannot contain null bytes")
if sys.version_info >= (3, 12):  # which counts how deep C code calls itself
    MESSAGES["overflows"] = (5, "DYN401 RecursionError: maximum recursion depth exceeded")

CHANGED = {
    "clears_path": {"sys.path"},
    "patches_json": {"json.dumps", "json.loads", "JSONEncoder.default", "JSONEncoder.encode"},
    "patches_datetime": {"datetime.datetime", "datetime.timedelta"},
    "patches_time": {"time.time", "time.clock_gettime", "time.monotonic"},
    "patches_exit": {"sys.exit", "sys.excepthook", "sys.stdout", "sys.stderr"},
    "adds_builtins": {"builtins._"},
}
"""What is noted of files that change modules which everybody uses; two more change so much that Airflow breaks."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of the generation."""
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def made(folder: Path) -> Generation:
    """Make one generation of all of the files."""
    (folder / "dags").mkdir()
    hostile.write(folder / "dags", BAD)
    threads = set(threading.enumerate())
    generation = generate(
        [Root(folder / "dags", "a test")],
        folder=folder / "session",
        timeout=hostile.SOON,
        memory=hostile.MEMORY,
        import_folders=[folder / "dags"],
    )
    assert threads >= set(threading.enumerate())
    return generation


_FROM = re.compile(r" from '[^']+'(?= has no attribute)")
"""Where a module stands, which Python says from 3.13 on."""


def _record(made: Generation, name: str) -> FileRecord:
    return next(record for record in made.files if Path(record.path).stem == name)


@pytest.mark.parametrize("name", MESSAGES)
def test_the_message(made: Generation, name: str) -> None:
    """It says where, what and what to do."""
    record = _record(made, name)
    line, message = MESSAGES[name]

    said = [_FROM.sub("", str(failure.finding)) for failure in record.failures]

    assert [f"{record.path}:{line}: {message}"] == said
    assert () == record.structures


@pytest.mark.parametrize("name", BAD)
def test_the_file_after_it(made: Generation, name: str) -> None:
    """It finds environment, folder, search path, modules, output and time as ever, and gives its DAG."""
    record = _record(made, f"{name}_then")

    assert [] == [str(failure) for failure in record.failures]
    assert [f"{name}_then"] == [structure.dag_id for structure in record.structures]


@pytest.mark.parametrize(
    "name", sorted(hostile.CHANGES.keys() - CHANGED.keys() - {"patches_builtins", "patches_os"})
)
def test_a_file_that_only_changes_its_surroundings(made: Generation, name: str) -> None:
    """It gives its DAG: to Airflow, that would make no difference."""
    record = _record(made, name)

    assert [] == [str(failure) for failure in record.failures]
    assert [name] == [structure.dag_id for structure in record.structures]
    assert () == record.changed


@pytest.mark.parametrize("name", CHANGED)
def test_a_file_that_changes_modules_of_everybody(made: Generation, name: str) -> None:
    """It is noted what it replaces."""
    assert CHANGED[name] == set(_record(made, name).changed)


@pytest.mark.parametrize("name", ["patches_builtins", "patches_os"])
def test_a_file_that_breaks_airflow_by_what_it_changes(made: Generation, name: str) -> None:
    """The message says what it replaces."""
    record = _record(made, name)

    (failure,) = record.failures
    assert "DYN401" == failure.finding.rule
    assert failure.finding.message.endswith("more, which Airflow uses as well")


def test_the_notes(made: Generation) -> None:
    """Files that change modules of everybody are named in the header, not all of them."""
    records = [record for record in made.files if record.changed]

    assert 8 == len(records)
    assert (
        f"{records[0].path}:1: replaces builtins._ while it is loaded; undone for other files"
        == made.notes[0]
    )
    assert 7 == len(made.notes)
    assert "... and 3 more such files" == made.notes[5]
    gone = _record(made, "deletes_itself").path
    assert f"{gone}:1: gone since it was loaded, so nothing of it is checked" == made.notes[6]


def test_a_file_without_a_dag_in_it_is_no_dag_file(made: Generation) -> None:
    """As in Airflow: an empty file is not loaded."""
    assert "empty" not in {Path(record.path).stem for record in made.files}
    assert ["latin"] == [structure.dag_id for structure in _record(made, "latin").structures]


def test_no_process_is_left(made: Generation, folder: Path) -> None:
    """Neither ours nor what files have started, a daemon in a session of its own included."""
    assert made.files
    processes = [entry.read_bytes() for entry in Path("/proc").glob("[0-9]*/cmdline") if entry.exists()]

    assert [] == [process for process in processes if str(folder).encode() in process]


def test_of_many_warnings_the_first_are_kept(made: Generation) -> None:
    """A file that warns without end is recorded with a hundred of them."""
    assert 100 == len(_record(made, "warns").warnings)


def test_the_end_of_what_was_printed_before_a_death_is_shown(made: Generation) -> None:
    """An interrupt says where it came."""
    detail = _record(made, "raises_interrupt").failures[0].detail

    assert "it printed last:" in detail
    assert detail.endswith("    raise KeyboardInterrupt\n  KeyboardInterrupt")


def test_a_hang_in_compiled_code_shows_the_calls(made: Generation) -> None:
    """The line of the file that called, as well."""
    path = _record(made, "searches").path

    assert (
        f'it was here:\n  File "{path}", line 3 in <module>\n' in _record(made, "searches").failures[0].detail
    )
