"""Generations of real DAG files, in real probes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from projects import write_into

from pytest_dynadag.bridge.home import airflow_version
from pytest_dynadag.bridge.loading import NoSuchPathError
from pytest_dynadag.generate.printed import LONGEST, Printed
from pytest_dynadag.generate.probing import ProbeError, generate
from pytest_dynadag.generate.records import FileRecord, Generation, Root

GOOD = "from airflow import DAG\nwith DAG({id!r}, schedule=None):\n    pass\n"
SOON = 5.0
"""Seconds for files that never end: more than any of the others needs on a slow machine."""

Make = Callable[..., Generation]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Write files (name to text) into a folder, and generate from it."""

    def make(_files: dict[str, str], **options: object) -> Generation:
        folder = tmp_path / "dags"
        for name, text in _files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        root = Root(folder, "a test")
        return generate([root], folder=tmp_path / "session", **options)  # type: ignore[arg-type]

    return make


def failures_of(generation: Generation) -> dict[str, list[str]]:
    """Give the rules that each file broke."""
    return {Path(r.path).name: [f.finding.rule for f in r.failures] for r in generation.files}


def record_of(generation: Generation, name: str) -> FileRecord:
    """Give the record of a file."""
    return next(record for record in generation.files if Path(record.path).name == name)


def has_ended(pid: int) -> bool:
    """Tell whether a process has ended, or does within seconds: being killed takes it a moment."""
    until = time.monotonic() + 10
    while _is_running(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not _is_running(pid)


def _is_running(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return state.stdout.strip()[:1] not in {"", "Z"}


FILES = {
    "a.py": GOOD.format(id="one"),
    "sub/b.py": GOOD.format(id="two"),
    ".hidden/c.py": GOOD.format(id="hidden"),
    "env/pyvenv.cfg": "",
    "env/lib/d.py": GOOD.format(id="library"),
    "same_first.py": GOOD.format(id="same"),
    "same_second.py": GOOD.format(id="same"),
    "shared/__init__.py": "",
    "imports_shared.py": "from airflow import DAG\nimport shared\n",
    "imports_stray.py": "from airflow import DAG\nimport stray\n",
    "looks_around.py": (
        "import os\nfrom airflow import DAG\n"
        "with DAG('_'.join(n for n in sorted(os.environ) if 'SEEN' in n), schedule=None): pass\n"
    ),
    "asks_database.py": (
        "from airflow.models import DagRun\nfrom airflow.settings import Session\nfrom airflow import DAG\n"
        "Session().query(DagRun).all()\n"
    ),
    "aliased.py": (
        "try:\n    from airflow.sdk import DAG, AssetAlias as Alias\n"
        "except ImportError:\n    from airflow import DAG\n    from airflow.datasets import DatasetAlias as Alias\n"
        "import datetime as dt\nfrom airflow.decorators import task\n"
        "with DAG('aliased', schedule=[Alias('x')], start_date=dt.datetime(2024, 1, 1)):\n"
        "    task(task_id='load', outlets=[Alias('y')])(lambda: 1)()\n"
    ),
    "stored_in_part.py": (
        "import functools\nfrom airflow import DAG\nfrom airflow.decorators import task\n"
        "@task\ndef load(value): pass\n"
        "def double(number): return 2 * number\n"
        "with DAG('good', schedule=None):\n    load.expand(value=[1])\n"
        "with DAG('odd', schedule=None):\n"
        "    numbers = task(task_id='numbers')(lambda: [1])()\n"
        "    load.expand(value=numbers.map(functools.partial(double)))\n"
    ),
}
"""Files that one generation is made of, for what its files do not change for each other."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write them, and give the folder: `dags`, with a user's home and a working directory beside it."""
    place = tmp_path_factory.mktemp("made")
    write_into(place / "dags", FILES)
    write_into(place, {"home/.keep": "", "cwd/stray.py": ""})
    return place


@pytest.fixture(scope="module")
def made(place: Path) -> Generation:
    """Make the generation, on a machine with an Airflow, from a folder with a module of its own."""
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(place / "cwd")
        patched.setenv("HOME", str(place / "home"))
        patched.delenv("AIRFLOW_HOME", raising=False)
        patched.setenv("AIRFLOW_VAR_SEEN", "1")
        patched.setenv("AIRFLOW_VAR_UNSEEN", "1")
        return generate(
            [Root(place / "dags", "a test")],
            folder=place / "session",
            skip_folders=[".*"],
            import_folders=[place / "dags"],
            let_through=["AIRFLOW_VAR_S*"],
        )


def test_files_give_their_dags(made: Generation) -> None:
    """Each file is recorded with its DAGs; the generation says which Airflow, how long and from where."""
    assert ["one"] == [structure.dag_id for structure in record_of(made, "a.py").structures]
    assert ["two"] == [structure.dag_id for structure in record_of(made, "b.py").structures]
    assert {"one", "two"} < set(made.dags)
    assert airflow_version() == made.airflow_version
    assert made.seconds > max(record.seconds for record in made.files) > 0
    assert ["a test"] == [root.why for root in made.roots]


def test_of_two_files_with_one_dag_id_the_later_is_reported(made: Generation) -> None:
    """A duplicate is a failure of the file that comes second, and names the first."""
    failures = failures_of(made)

    assert [[], ["DYN403"]] == [failures["same_first.py"], failures["same_second.py"]]


def test_folders_that_pytest_does_not_enter_are_left_alone(made: Generation) -> None:
    """Nothing is loaded from hidden folders, by pattern, nor from virtual environments, by their mark."""
    assert not {"hidden", "library"} & set(made.dags)
    assert not {"c.py", "d.py"} & set(failures_of(made))


def test_files_import_from_the_import_folders_only(made: Generation) -> None:
    """As in Airflow, the DAG folder is on the path and the working directory is not."""
    failures = failures_of(made)

    assert [[], ["DYN401"]] == [failures["imports_shared.py"], failures["imports_stray.py"]]


def test_the_environment_is_isolated_but_for_what_is_let_through(made: Generation) -> None:
    """A DAG file sees no AIRFLOW_* name of the machine unless it is let through, and the record says which."""
    assert ["AIRFLOW_VAR_SEEN"] == [dag.dag_id for dag in record_of(made, "looks_around.py").structures]
    assert ("let through the isolation: AIRFLOW_VAR_SEEN",) == made.notes


def test_the_home_folder_is_left_alone(made: Generation, place: Path) -> None:
    """Airflow's folder below HOME is neither made nor touched."""
    assert made.files
    assert [".keep"] == [path.name for path in (place / "home").iterdir()]


def test_the_session_folder_is_for_its_owner_only(made: Generation, place: Path) -> None:
    """What DAG files print and what is let through can be secret."""
    assert made.files
    assert 0o700 == (place / "session").stat().st_mode & 0o777


def test_database_access_is_reported(made: Generation) -> None:
    """A file that asks the metadata database itself is told so, in both families."""
    assert ["DYN405"] == failures_of(made)["asks_database.py"]


def test_a_dag_that_airflow_cannot_store_is_reported(made: Generation) -> None:
    """A DAG that loads and cannot be serialised is a failure where it begins; the DAG beside it is not."""
    record = record_of(made, "stored_in_part.py")

    assert ["good", "odd"] == [structure.dag_id for structure in record.structures]
    (failure,) = record.failures
    assert "DYN406" == failure.finding.rule
    assert ("odd", 10) == (failure.finding.dag_id, failure.finding.location.line)  # type: ignore[union-attr]
    assert "got partial" in failure.finding.message


def test_what_airflow_asks_while_a_dag_is_made_is_answered(made: Generation) -> None:
    """A dataset alias in a schedule or an outlet makes Airflow 2 ask its database: that is no fault of the file."""
    record = record_of(made, "aliased.py")

    assert ["aliased"] == [structure.dag_id for structure in record.structures]
    assert () == record.failures


def test_no_file_keeps_the_others_from_loading(make: Make) -> None:
    """A file that hangs, exits, ends the process, crashes or has bad syntax is named; the files around it load."""
    generation = make(
        {
            "a.py": GOOD.format(id="first"),
            "b_syntax.py": "from airflow import DAG\nx = (\n",
            "c_exits.py": "import sys\nfrom airflow import DAG\nsys.exit(3)\n",
            "d_ends.py": "import os\nfrom airflow import DAG\nos._exit(7)\n",
            "e_crashes.py": "import ctypes\nfrom airflow import DAG\nctypes.string_at(0)\n",
            "f_hangs.py": "import time\nfrom airflow import DAG\nprint('here', flush=True)\ntime.sleep(600)\n",
            "z.py": GOOD.format(id="last"),
        },
        timeout=SOON,
    )

    assert {
        "a.py": [],
        "b_syntax.py": ["DYN401"],
        "c_exits.py": ["DYN401"],
        "d_ends.py": ["DYN404"],
        "e_crashes.py": ["DYN404"],
        "f_hangs.py": ["DYN402"],
        "z.py": [],
    } == failures_of(generation)
    lines = {Path(r.path).name: r.failures[0].finding.location.line for r in generation.files if r.failures}  # type: ignore[union-attr]
    assert {"b_syntax.py": 2, "c_exits.py": 3, "d_ends.py": 1, "e_crashes.py": 3, "f_hangs.py": 4} == lines
    assert "it printed last:\n  here" in str(generation.files[5].failures[0])
    assert "was ended by SIGSEGV" in str(generation.files[4].failures[0])


def test_nothing_that_a_file_starts_outlives_the_generation(make: Make, tmp_path: Path) -> None:
    """Processes and threads that a DAG file leaves running end with the probe."""
    text = (
        "import subprocess, threading, time, pathlib\nfrom airflow import DAG\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        f"pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(child.pid))\n"
        "threading.Thread(target=time.sleep, args=(600,)).start()\n"
    )

    generation = make({"a.py": text}, timeout=60)

    assert {"a.py": []} == failures_of(generation)
    assert generation.seconds < 50
    assert has_ended(int((tmp_path / "pid").read_text()))


def test_an_interrupt_ends_the_probe(tmp_path: Path) -> None:
    """Ctrl-C while a file is loading leaves no process behind."""
    pid = tmp_path / "pid"
    file = tmp_path / "a.py"
    file.write_text(
        f"import os, time\nfrom airflow import DAG\nopen({str(pid)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)\n"
    )

    def interrupt() -> None:
        while not (pid.exists() and pid.read_text()):
            time.sleep(0.05)
        signal.raise_signal(signal.SIGINT)

    # What a shell starts in the background ignores Ctrl-C, this suite included.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        threading.Thread(target=interrupt, daemon=True).start()
        with pytest.raises(KeyboardInterrupt):
            generate([Root(file, "a test")], folder=tmp_path / "session")
    finally:
        signal.signal(signal.SIGINT, before)

    assert has_ended(int(pid.read_text()))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has ended")
def test_a_probe_ends_with_whoever_started_it(tmp_path: Path) -> None:
    """When pytest itself is killed, the probe does not go on."""
    pid = tmp_path / "pid"
    file = tmp_path / "a.py"
    file.write_text(
        f"import os, time\nfrom airflow import DAG\nopen({str(pid)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)\n"
    )
    program = (
        "from pathlib import Path\nfrom pytest_dynadag.generate.probing import generate\n"
        "from pytest_dynadag.generate.records import Root\n"
        f"generate([Root(Path({str(file)!r}), '')], folder=Path({str(tmp_path / 'session')!r}))\n"
    )

    parent = subprocess.Popen([sys.executable, "-c", program])
    while not (pid.exists() and pid.read_text()):
        time.sleep(0.05)
    parent.kill()
    parent.wait()

    assert has_ended(int(pid.read_text()))


def test_what_files_print_stays_away(make: Make, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither output nor errors of a DAG file reach the terminal."""
    make({"a.py": "import sys\nfrom airflow import DAG\nprint('out')\nprint('err', file=sys.stderr)\n"})

    assert ("", "") == tuple(capfd.readouterr())


ASKING = """\
from airflow.models import DagRun
from airflow.utils.session import create_session
from sqlalchemy import text

def count_runs():
    with create_session() as session:
        return session.query(DagRun).count()

"""
ASKS = {
    "swallowed": "try:\n    count_runs()\nexcept Exception:\n    pass\n",
    "answered": "with create_session() as session:\n    session.execute(text('select 1'))\n",
}


@pytest.mark.parametrize("name", ASKS)
def test_asking_the_database_is_found_whatever_it_answers(make: Make, name: str) -> None:
    """A file that loads all the same asks again at every parse: the finding names the line of the file."""
    record = make({"a.py": f"{ASKING}{ASKS[name]}{GOOD.format(id='a')}"}).files[0]

    [failure] = record.failures
    assert 1 == len(record.structures)
    assert ("DYN405", "the file asks the metadata database while it is loaded") == (
        failure.finding.rule,
        failure.finding.message,
    )
    assert failure.finding.location is not None
    assert (7 if name == "swallowed" else 10) == failure.finding.location.line


def test_a_timetable_of_a_plugins_folder_needs_the_folder(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the user's plugins register can be stored once their folder is let through."""
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "own_timetables.py").write_text(
        "from airflow.plugins_manager import AirflowPlugin\n"
        "from airflow.timetables.simple import NullTimetable\n"
        "class Never(NullTimetable): pass\n"
        "class Plugin(AirflowPlugin):\n    name = 'own'\n    timetables = [Never]\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(plugins), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("AIRFLOW__CORE__PLUGINS_FOLDER", str(plugins))
    files = {
        "a.py": "import datetime as dt\nfrom airflow import DAG\nfrom own_timetables import Never\n"
        "with DAG('a', schedule=Never(), start_date=dt.datetime(2024, 1, 1)): pass\n"
    }

    assert {"a.py": ["DYN406"]} == failures_of(make(files))
    assert {"a.py": []} == failures_of(make(files, let_through=["AIRFLOW__CORE__PLUGINS_FOLDER"]))


def test_a_root_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Before anything is started."""
    with pytest.raises(NoSuchPathError, match="there is no DAG file or folder"):
        generate([Root(tmp_path / "nowhere", "a test")], folder=tmp_path / "session")


def test_an_airflow_that_does_not_start_is_told_with_its_words(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the probe ends before it has found the files, the message carries what it printed."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\n"
        "if 'pytest_dynadag.generate.probe' in sys.orig_argv: sys.stderr.write('no luck'); os._exit(1)\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))

    with pytest.raises(ProbeError) as caught:
        make({"a.py": GOOD.format(id="a")})

    expected = (
        "Airflow could not be started to load the DAG files: the process ended with exit code 1\n  no luck"
    )
    assert expected == str(caught.value)


def test_the_same_files_give_the_same_record(make: Make) -> None:
    """DAG ids that depend on the hash seed stay the same from one session to the next."""
    text = "from airflow import DAG\nfor name in {'a', 'b', 'c'}:\n    with DAG(f'{name}{hash(name) % 97}', schedule=None): pass\n"

    assert list(make({"a.py": text}).dags) == list(make({"a.py": text}).dags)


def test_what_files_print_does_not_fill_the_disk(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a file that prints 60 MB, the end is kept while it still prints; the file loads."""
    sizes: list[tuple[int, int]] = []

    def bound(printed: Printed) -> bool:
        before = printed.size
        has_cut = cut(printed)
        sizes.append((before, printed.size))
        return has_cut

    cut = Printed.bound
    monkeypatch.setattr(Printed, "bound", bound)
    floods = (
        "import time\nfor _ in range(15):\n    print('x' * 4_000_000, flush=True)\n    time.sleep(0.05)\n"
    )

    generation = make({"a.py": floods + GOOD.format(id="floods")})

    assert ["floods"] == list(generation.dags)
    assert any(before > LONGEST > after for before, after in sizes)


MAPPED = """\
try:
    from airflow.sdk import DAG, task
except ImportError:
    from airflow import DAG
    from airflow.decorators import task

@task
def load(region): ...

with DAG("sales", schedule=None):
    load.expand(region={})
"""
REFUSED = {
    "set": (MAPPED.format({"eu", "us"}), "write sorted(...) around the set; list(...) would leave an order"),
    "frozenset": (MAPPED.format("frozenset('ab')"), "write sorted(...) around the set; list(...) would"),
    "text": (MAPPED.format("'eu'"), "map over a list, a dict or the output of a task"),
    "number": (MAPPED.format("3"), "map over a list, a dict or the output of a task"),
}
REFUSED_BY_3 = {
    "schedule_interval": (
        "from airflow.sdk import DAG\nDAG('sales', schedule_interval=None)\n",
        "write schedule=: Airflow 3 has no schedule_interval",
    ),
    "default_var": (
        "from airflow.sdk import Variable\nVariable.get('dag', default_var=1)\n",
        "write Variable.get(name, default=...) for Airflow 3",
    ),
    "moved": (
        "from airflow.utils.dates import days_ago  # dag\n",
        "this Airflow has it elsewhere or no more: `ruff ",
    ),
    "gone": (
        "from airflow.models import Datasets  # dag\n",
        "this Airflow has it elsewhere or no more: `ruff check ",
    ),
}


def test_what_airflow_refuses_is_told_what_to_write_instead(make: Make) -> None:
    """The installed Airflow says it in words of its own, which are known."""
    refused = {**REFUSED, **(REFUSED_BY_3 if airflow_version() >= "3" else {})}

    generation = make({f"{name}.py": code for name, (code, _) in refused.items()})

    assert dict.fromkeys(refused, True) == {
        Path(record.path).stem: f"\n  next: {refused[Path(record.path).stem][1]}" in str(record.failures[0])
        for record in generation.files
    }
