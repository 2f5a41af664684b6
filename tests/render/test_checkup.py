"""What the doctor says, word for word, of each thing that may be well or not."""

from __future__ import annotations

import pytest

from pytest_dynadag.render import checkup
from pytest_dynadag.render.checkup import Folder, Library, Line, Loaded, Step


def test_lines_stand_below_each_other_with_what_to_do() -> None:
    """Verdict, subject and text are columns; details and the next step stand below; the end counts."""
    lines = [
        Line("ok", "Airflow", "3.3.2"),
        Line("ok", "defects", "1 known", details=("- one",)),
        Line("note", "let through", "A", "leave it out"),
        Line("bad", "DAG folder", "two\nlines", "make it"),
    ]

    assert (
        "ok    Airflow        3.3.2\n"
        "ok    defects        1 known\n"
        "                     - one\n"
        "note  let through    A\n"
        "                     next: leave it out\n"
        "bad   DAG folder     two\n"
        "                     lines\n"
        "                     next: make it\n"
        "1 bad, 1 to note"
    ) == checkup.tell(lines)
    assert not checkup.is_well(lines)


def test_a_note_is_not_bad() -> None:
    """Only a bad verdict makes the command fail; without any word to say it says so."""
    assert checkup.is_well([Line("note", "let through", "A", "leave it out")])
    assert "ok    Airflow        3.3.2\nall well" == checkup.tell([Line("ok", "Airflow", "3.3.2")])


def test_what_a_name_hides_is_shown() -> None:
    """A path that moves the cursor is written out, as everywhere."""
    assert r"bad   DAG folder     a\u001b[2J" == str(Line("bad", "DAG folder", "a\x1b[2J"))


def test_an_error_brings_its_own_next_step() -> None:
    """The message of an error of ours is taken apart at its next step."""
    line = checkup.describe_error("Airflow", "it is not there\n  next: pip install it")

    assert Line("bad", "Airflow", "it is not there", "pip install it") == line


def test_versions_that_do_not_fit_are_bad() -> None:
    """What is missing or too old is named with what to install; what is optional may be missing."""
    libraries = [
        Library("pytest", "9.2.0", ">=8"),
        Library("syrupy", "4.0.0", ">=6", fits=False),
        Library("filelock", None, ">=3.12", fits=False),
        Library("pytest-xdist", None),
    ]

    assert [
        Line("ok", "versions", "Python 3.11.7, pytest 9.2.0, syrupy 4.0.0"),
        Line("bad", "versions", "syrupy 4.0.0; syrupy>=6 is needed", "pip install 'syrupy>=6'"),
        Line(
            "bad",
            "versions",
            "filelock is not installed; filelock>=3.12 is needed",
            "pip install 'filelock>=3.12'",
        ),
    ] == list(checkup.examine_libraries("3.11.7", libraries))


@pytest.mark.parametrize(
    ("version", "line"),
    [
        ("2.9.3", Line("bad", "Airflow", "2.9.3 is too old", "use Airflow 2.10 or later")),
        ("2.10.5", Line("ok", "Airflow", "2.10.5")),
        ("3.3.2rc1", Line("ok", "Airflow", "3.3.2rc1")),
        (
            "3.5.0",
            Line(
                "note",
                "Airflow",
                "3.5.0 is newer than what is known, and taken for 3.4",
                "compare a plan with a run (dynadag.assert_same) before you trust plans as you do on 3.4",
            ),
        ),
    ],
)
def test_an_airflow_that_is_not_known_is_said(version: str, line: Line) -> None:
    """Too old is bad; newer than any that is known is taken for the newest."""
    assert line == checkup.examine_airflow(version, (2, 10), (3, 4))


def test_isolation_counts_what_it_hides_and_names_what_it_lets_through() -> None:
    """Names that are hidden are counted, never shown; those let through are named, and those that cannot be."""
    seen = [
        *checkup.examine_isolation(3, ["AIRFLOW_VAR_TENANTS"]),
        *checkup.examine_wishes(["AIRFLOW_HOME"], ["AIRFLOW_VAR_X*"]),
    ]

    assert [
        Line(
            "ok",
            "isolated",
            "3 names of the environment (AIRFLOW_HOME, AIRFLOW__*, AIRFLOW_CONN_*, AIRFLOW_VAR_*)",
        ),
        Line(
            "note",
            "let through",
            "AIRFLOW_VAR_TENANTS",
            "leave in dynadag_env only names that lead to nothing a test must not touch",
        ),
        Line(
            "note",
            "let through",
            "never: AIRFLOW_HOME",
            "take them out of dynadag_env: with them, a test would write to a database that is not ours",
        ),
        Line(
            "note",
            "let through",
            "not set: AIRFLOW_VAR_X*",
            "set them where pytest runs, or take them out of dynadag_env",
        ),
    ] == seen


def test_a_folder_that_is_missing_or_unreadable_is_bad() -> None:
    """Each folder is shown with why it is looked into; the next step fits what is wrong."""
    folders = [
        Folder("dags", "ini dynadag_dags"),
        Folder("more", "ini dynadag_dags", "is not there"),
        Folder("closed", "ini dynadag_dags", "cannot be read"),
    ]
    name_them = "name DAG files or folders (pytest --dynadag PATH ...), or set the ini dynadag_dags"

    assert [
        Line("ok", "DAG folder", "dags (ini dynadag_dags)"),
        Line("bad", "DAG folder", "more (ini dynadag_dags) is not there", name_them),
        Line(
            "bad",
            "DAG folder",
            "closed (ini dynadag_dags) cannot be read",
            "let the user that runs pytest read it and enter it",
        ),
    ] == list(checkup.examine_folders(folders))
    assert [Line("bad", "DAG folder", "no DAG files or folders to load", name_them)] == list(
        checkup.examine_folders([])
    )


def test_files_that_do_not_load_are_bad() -> None:
    """Files and DAGs are counted; those that are not as they should be are named, the first ones at least."""
    failed = tuple(f"dags/{n}.py" for n in range(10))

    assert [Line("ok", "DAG files", "1 file with 2 DAGs")] == list(checkup.examine_loaded(Loaded(1, 2)))
    assert [
        Line("bad", "DAG files", "none", checkup.NO_FILES),
        Line("note", "DAG files", "a note"),
    ] == list(checkup.examine_loaded(Loaded(0, 0, notes=("a note",))))
    assert [
        Line(
            "bad",
            "DAG files",
            "12 files with 1 DAG; not as they should be: dags/0.py, dags/1.py, dags/2.py, dags/3.py, "
            "dags/4.py, dags/5.py, dags/6.py, dags/7.py and 2 more",
            "pytest --dynadag shows what is wrong",
        )
    ] == list(checkup.examine_loaded(Loaded(12, 1, failed)))


def test_a_slow_step_is_to_note() -> None:
    """Seconds are said of each step; ten and more are worth a word."""
    steps = [Step("import Airflow", 1.234), Step("load the files", 10.0, "the slowest dags/a.py 9.90 s")]

    assert [
        Line("ok", "time", "import Airflow: 1.23 s"),
        Line(
            "note",
            "time",
            "load the files: 10.00 s, the slowest dags/a.py 9.90 s",
            "look at what is done at the top of modules, at slow disks, and at virus scanners",
        ),
    ] == list(checkup.examine_steps(steps))


def test_temporary_files_need_room_and_privacy() -> None:
    """A folder that others can change is bad, one without room is to note."""
    fine = "a private folder in /tmp, 2.0 GB free; removed at the end"

    assert Line("ok", "temporary", fine) == checkup.examine_temporary("/tmp", 2 * 1024**3)
    assert Line(
        "note", "temporary", "/tmp, 0.1 GB free", "make room there, or point TMPDIR elsewhere"
    ) == checkup.examine_temporary("/tmp", 100 * 1024**2)
    assert Line(
        "bad", "temporary", "/open lets others in", "point TMPDIR to a folder that is yours alone"
    ) == checkup.examine_temporary("/open", 0, "lets others in")


def test_stores_of_snapshots_are_named_and_counted() -> None:
    """Where snapshots are, and how many."""
    assert Line(
        "ok", "snapshots", "beside tests (1 file), beside cases (2 files)"
    ) == checkup.describe_snapshots({"beside tests": 1, "beside cases": 2})


@pytest.mark.parametrize(
    ("engine", "version", "told"),
    [
        ("direct", "3.3.2", "none: runs need none (engine direct)"),
        (
            "direct",
            "2.11.2",
            "in memory, one per process, copied from a template before each run (engine direct)",
        ),
        (
            "airflow",
            "3.3.2",
            "a file in the private folder, one per process, emptied before each run (engine airflow)",
        ),
    ],
)
def test_the_database_is_the_engines(engine: str, version: str, told: str) -> None:
    """Each engine has a throw-away database of its own kind, or none."""
    assert Line("ok", "database", told) == checkup.describe_database(engine, version)
