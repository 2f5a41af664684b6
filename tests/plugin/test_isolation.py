"""What a session touches, and what it tells: canaries in the environment, the home, the network and the data."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from rim import write

Run = Callable[..., pytest.RunResult]

CANARY = "canary-5f1c"
"""Stands in everything that nobody may see: whoever finds it has been where we must not be."""

LOOKS_AROUND = """\
import datetime as dt
import os
try:
    from airflow.sdk import DAG, task
except ImportError:
    from airflow import DAG
    from airflow.decorators import task

names = [name for name in os.environ if "CANARY" in name]
with DAG("looks", schedule=None, start_date=dt.datetime(2024, 1, 1), tags=sorted(names)):

    @task
    def look():
        return [name for name in os.environ if "CANARY" in name]

    look()
"""
TESTS = """\
import pytest

@pytest.mark.parametrize("engine", ["direct", "airflow"])
def test_looks(dynadag, engine):
    assert dynadag.run("looks", engine=engine).xcoms["look"] == []

def test_plan(dynadag, dynadag_snapshot):
    assert dynadag.plan("sales", given={"list_regions": ["eu"]}) == dynadag_snapshot
"""
# Seen by every process of the session: the events of Python itself, wherever they come from.
WITNESS = """\
import os, sys

def note(event, arguments):
    if event == "socket.connect":
        line = f"connect {arguments[1]!r}"
    elif event == "open" and isinstance(arguments[0], str) and isinstance(arguments[2], int):
        if not arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC):
            return
        line = f"write {os.path.abspath(arguments[0])}"
    elif event in ("os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.truncate"):
        if -1 not in arguments[1:] and arguments[1:]:
            return  # relative to an open folder, as shutil.rmtree goes about it
        place = arguments[1] if event == "os.symlink" else arguments[0]
        line = f"write {os.path.abspath(place)}"
    else:
        return
    handle = os.open(WITNESSED, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{line}\\n".encode())
    os.close(handle)

def hook(event, arguments):
    if event == "open" and arguments and arguments[0] == WITNESSED:
        return
    note(event, arguments)

WITNESSED = os.environ["WITNESSED"]
sys.addaudithook(hook)
"""
# A DAG that says a secret in every way: as data that differs from parse to parse, in print, in an error.
KEEPS = f"""\
import datetime as dt
import random
try:
    from airflow.sdk import DAG, task
except ImportError:
    from airflow import DAG
    from airflow.decorators import task

print("{CANARY}")
with DAG("keeps", schedule=None, start_date=dt.datetime(2024, 1, 1), params={{"password": "{CANARY}"}}):

    @task
    def load(password):
        return password

    load.expand(password=["{CANARY}", f"{CANARY} {{random.random()}}"])
"""
# Looks into every file that is removed, a moment before.
CUSTOMS = f"""\
import os, sys
from pathlib import Path

def look(event, arguments):
    if event in ("os.remove", "shutil.rmtree") and isinstance(arguments[0], (str, Path)):
        place = Path(arguments[0])
        if arguments[1] is None or place.is_absolute():
            for path in [place, *place.rglob("*")]:
                note("looked", path)
                if path.is_file() and b"{CANARY}" in path.read_bytes():
                    note("holds", path)

def note(what, path):
    with open(os.environ["WITNESSED"], "a") as file:
        file.write(f"{{what}} {{path}}\\n")

sys.addaudithook(look)
"""


@pytest.fixture
def database() -> Iterator[tuple[int, list[object]]]:
    """Listen where the developer's database is; give the port, and who has called."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        calls: list[object] = []
        yield server.getsockname()[1], calls
        with suppress(BlockingIOError):
            calls.append(server.accept())
        assert [] == calls


@pytest.fixture
def machine(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, database: tuple[int, list[object]]
) -> Path:
    """Make a developer's machine: a home with an Airflow in it, an environment, and who watches."""
    address = f"postgresql://airflow:{CANARY}@127.0.0.1:{database[0]}/airflow"
    home = project.path / "home"
    write(
        project,
        **{
            "home/airflow/airflow.cfg": f"[core]\nfernet_key = {CANARY}\n[database]\nsql_alchemy_conn = {address}\n",
            "home/airflow/dags/own.py": f"raise SystemExit({CANARY!r})",
            "witness/sitecustomize.py": WITNESS,
            "dags/looks.py": LOOKS_AROUND,
            "test_looks.py": TESTS,
            "tmp/.keep": "",
        },
    )
    for name, value in {
        "HOME": str(home),
        "TMPDIR": str(project.path / "tmp"),
        "PYTHONPATH": str(project.path / "witness"),
        "WITNESSED": str(project.path / "witnessed.txt"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": address,
        "AIRFLOW__CORE__SQL_ALCHEMY_CONN": address,
        "AIRFLOW_CONN_CANARY": address,
        "AIRFLOW_VAR_CANARY": CANARY,
        "AIRFLOW__SECRETS__BACKEND": CANARY,
    }.items():
        monkeypatch.setenv(name, value)
    return home


def list_files(folder: Path) -> dict[str, bytes]:
    """Give every file below *folder* with its contents."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_session_touches_nothing_of_the_machine(
    project: pytest.Pytester, run: Run, machine: Path, way: tuple[str, ...]
) -> None:
    """No process of a full session calls the database, writes outside its own folder, or tells a canary."""
    before = list_files(machine)
    (project.path / "out").mkdir()
    written = (
        "--snapshot-update",
        "--dynadag-report=out/r.json",
        "--dynadag-report=out/r.html",
        "-p",
        "no:cacheprovider",
    )

    result = run("--dynadag", "dags", "test_looks.py", "-k", "", "--dynadag-seeds=2", *written, *way)

    result.assert_outcomes(passed=11)
    assert before == list_files(machine)
    assert [".keep"] == [path.name for path in (project.path / "tmp").iterdir()]
    noted = (project.path / "witnessed.txt").read_text().splitlines()
    folders = ("tmp", "out", "__snapshots__", "runpytest-0")
    ours = tuple(f"write {project.path}/{name}" for name in folders)
    assert [] == [line for line in noted if not line.startswith((*ours, "write /dev/"))]
    assert [line for line in noted if line.startswith(ours[0])], "nobody has watched"
    told = [*result.outlines, *result.errlines]
    told += [text.decode(errors="replace") for text in list_files(project.path / "out").values()]
    told += [path.read_text() for path in project.path.rglob("__snapshots__/**/*") if path.is_file()]
    assert [] == [text for text in told if CANARY in text]


def test_what_is_let_through_by_name_is_seen(project: pytest.Pytester, run: Run, machine: Path) -> None:
    """The ini `dynadag_env` lets a Variable through, and the header says so; the database stays out even then."""
    write(
        project,
        **{
            "test_looks.py": "def test_it(dynadag):\n    assert dynadag.run('looks').xcoms['look'] == ['AIRFLOW_VAR_CANARY']\n"
        },
    )

    result = run(
        "--dynadag", "dags", "test_looks.py", "-o", "dynadag_env=AIRFLOW_VAR_CANARY AIRFLOW__DATABASE__*"
    )

    assert 0 == result.ret
    result.stdout.fnmatch_lines(["*AIRFLOW_VAR_CANARY*"])


def test_what_the_project_keeps_secret_is_told_nowhere(project: pytest.Pytester, run: Run) -> None:
    """The ini `dynadag_secret` hides a text, and what stands under a name, in messages, snapshots and reports."""
    case = "cases:\n  one: {given: {list_regions: [cust-4711]}, expect: {load[0]: {region: cust-4712}}}\n"
    test = "def test_it(dynadag, dynadag_snapshot):\n    assert dynadag.plan('sales', given={'list_regions': ['cust-4711']}) == dynadag_snapshot\n"
    write(project, **{"dags/sales.dynadag.yaml": case, "test_it.py": test})
    asked = ("--dynadag-report=r.json", "--snapshot-update", "-o", r"dynadag_secret=cust-\d+", "-n", "2")

    result = run("--dynadag", "dags", "test_it.py", *asked)

    result.assert_outcomes(passed=3, failed=1)
    told = [*result.outlines, (project.path / "r.json").read_text()]
    told += [path.read_text() for path in project.path.rglob("__snapshots__/**/*") if path.is_file()]
    assert [] == [text for text in told if "cust-47" in text]


def test_no_file_of_a_session_holds_what_a_dag_keeps_secret(
    project: pytest.Pytester, run: Run, monkeypatch: pytest.MonkeyPatch, way: tuple[str, ...]
) -> None:
    """What processes leave for each other while DAGs are loaded, compared and run is readable for nobody else."""
    test = "def test_it(dynadag):\n    assert dynadag.run('keeps').state == 'success'\n"
    write(
        project,
        **{
            "dags/keeps.py": KEEPS,
            "dags/fails.py": f"from airflow import DAG\nprint('{CANARY}')\nraise ValueError\n",
            "test_it.py": test,
            "witness/sitecustomize.py": CUSTOMS,
            "tmp/.keep": "",
        },
    )
    monkeypatch.setenv("TMPDIR", str(project.path / "tmp"))
    monkeypatch.setenv("PYTHONPATH", str(project.path / "witness"))
    monkeypatch.setenv("WITNESSED", str(project.path / "witnessed.txt"))

    asked = ("-k", "not sales", "--dynadag-seeds=2", "--dynadag-report=r.json")
    result = run("--dynadag", "dags", "test_it.py", *asked, *way)

    result.stdout.fnmatch_lines(["*DYN104*"])
    seen = (project.path / "witnessed.txt").read_text().splitlines()
    names = {Path(line).name.partition("-")[0].removesuffix(".sealed") for line in seen}
    assert {"collected", "determinism", "events", "request", "answer"} <= names
    assert [] == [line for line in seen if line.startswith("holds")]


def test_a_pattern_that_cannot_be_meant_is_a_usage_error(project: pytest.Pytester, run: Run) -> None:
    """The session ends before anything is done, and says which line is wrong."""
    result = run("--dynadag", "-o", "dynadag_secret=(")

    assert pytest.ExitCode.USAGE_ERROR == result.ret
    assert (
        "ERROR: ini dynadag_secret: '(' is no regular expression: missing ), unterminated subpattern at position 0"
        in result.errlines
    )
