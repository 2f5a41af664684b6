"""Loading DAG files: which there are, what they define, and that a parse leaves no traces."""

from __future__ import annotations

import logging
import os
import signal
import sys
import warnings
import zipfile
from pathlib import Path

import pytest

from pytest_dynadag.bridge.home import Isolation
from pytest_dynadag.bridge.loading import (
    NoSuchPathError,
    bridge,
    describe_failure,
    find_files,
    load,
    load_file,
)
from pytest_dynadag.bridge.metadata import Lookup, MetadataError, metadata_environment, parse_metadata

DAG_FILE = "from airflow import DAG\nwith DAG({!r}, schedule=None):\n    pass\n"


def write(folder: Path, **files: str) -> Path:
    """Write `name="text"` as `name.py`, and give the folder."""
    for name, text in files.items():
        path = folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_files_are_found_as_airflow_finds_them(tmp_path: Path) -> None:
    """Files that do not look like DAGs, and tests, are left out; the rest is sorted."""
    write(tmp_path, b=DAG_FILE, a=DAG_FILE, constants="X = 1\n", test_a=DAG_FILE, a_test=DAG_FILE)
    write(tmp_path, conftest=DAG_FILE, **{"sub/c": DAG_FILE})

    assert [tmp_path / name for name in ("a.py", "b.py", "sub/c.py")] == find_files(tmp_path)


def test_airflowignore_is_read_in_the_familys_own_syntax(tmp_path: Path) -> None:
    """A pattern that is a glob in Airflow 3 and a regular expression in 2 hides what it hides there."""
    write(tmp_path, keep=DAG_FILE, drop_a=DAG_FILE)
    (tmp_path / ".airflowignore").write_text("drop_*.py\n" if bridge().family == "3" else "drop_.*\n")

    assert [tmp_path / "keep.py"] == find_files(tmp_path)


def test_a_file_named_directly_is_given_as_it_is(tmp_path: Path) -> None:
    """Neither its name nor its contents keep a named file out."""
    write(tmp_path, test_it="X = 1\n")

    assert [tmp_path / "test_it.py"] == find_files(tmp_path / "test_it.py")


def test_a_path_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """The message says what is there instead."""
    write(tmp_path, sales=DAG_FILE)

    with pytest.raises(NoSuchPathError) as caught:
        find_files(tmp_path / "sale.py")

    assert str(caught.value) == (
        f"there is no DAG file or folder {tmp_path / 'sale.py'}; {tmp_path} has sales.py"
    )


def test_a_file_gives_its_dags_by_id(tmp_path: Path) -> None:
    """The DAGs come by dag_id, with Airflow's bag, and no database comes into being."""
    text = DAG_FILE.format("y") + "with DAG('x', schedule=None):\n    pass\n"

    loaded = load_file(write(tmp_path, two=text) / "two.py")

    assert list(loaded.dags) == ["x", "y"]
    assert loaded.bag.dags["x"] is loaded.dags["x"]
    assert loaded.seconds > 0
    assert repr(loaded) == "<LoadedFile two.py: 2 DAGs, 0 errors>"


def test_loading_makes_no_database(tmp_path: Path, airflow_home: Isolation) -> None:
    """A parse needs no tables, and makes none."""
    had = (airflow_home.home / "airflow.db").exists()

    load_file(write(tmp_path, d=DAG_FILE.format("d")) / "d.py")

    assert had == (airflow_home.home / "airflow.db").exists()


def test_an_import_error_names_the_line_of_the_users_file(tmp_path: Path) -> None:
    """The last line of the file that was executed, and the exception's own words."""
    text = "from airflow import DAG\ndef read():\n    return {}['tenants']\nread()\n"

    (failure,) = load_file(write(tmp_path, broken=text) / "broken.py").errors.values()

    assert str(failure) == f"{tmp_path / 'broken.py'}:3: KeyError: 'tenants'"
    assert failure.text.startswith("Traceback")


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("x = (\n", 1, "SyntaxError: '(' was never closed"),
        ("import sys\nsys.exit(3)\n", 2, "SystemExit: 3"),
        ("\nraise TypeError('first\\nsecond')\n", 2, "TypeError: first"),
        ("import no_such_module_at_all\n", 1, "ModuleNotFoundError: No module named 'no_such_module_at_all'"),
    ],
)
def test_whatever_a_file_raises_is_reported(tmp_path: Path, text: str, line: int, message: str) -> None:
    """Syntax errors, exits and exceptions come back as data."""
    (failure,) = load_file(write(tmp_path, broken=text) / "broken.py").errors.values()

    assert (failure.line, failure.message) == (line, message)


def test_a_dag_that_airflow_refuses_is_reported(tmp_path: Path) -> None:
    """A cycle is found only after the file has run: the error has no line, and says so in Airflow's words."""
    text = (
        "from airflow import DAG\n"
        "try:\n    from airflow.sdk import task\nexcept ImportError:\n    from airflow.decorators import task\n"
        "with DAG('d', schedule=None):\n"
        "    a, b = task(task_id='a')(lambda: 1)(), task(task_id='b')(lambda: 1)()\n"
        "    a >> b >> a\n"
    )

    (failure,) = load_file(write(tmp_path, d=text) / "d.py").errors.values()

    assert failure.line is None
    assert failure.message.startswith("AirflowDagCycleException: Cycle detected in")


def test_an_error_in_a_helper_names_the_line_that_called_it() -> None:
    """Of a chain of tracebacks, the last frame of the user's file counts."""
    text = (
        "Traceback (most recent call last):\n"
        '  File "/dags/a.py", line 4, in <module>\n    helper()\n'
        '  File "/lib/helper.py", line 9, in helper\n    raise ValueError("a")\n'
        "ValueError: a\n  indented\n"
    )

    failure = describe_failure("/dags/a.py", text)

    assert (failure.line, failure.message) == (4, "ValueError: a")


def test_several_files_are_merged(tmp_path: Path) -> None:
    """A dag_id in two files is that of the first, and is named with both."""
    write(
        tmp_path, a=DAG_FILE.format("same"), b=DAG_FILE.format("same"), c="from airflow import DAG\n1 / 0\n"
    )

    loaded = load([tmp_path])

    assert loaded.dags["same"].fileloc == str(tmp_path / "a.py")
    assert loaded.duplicates == {"same": (tmp_path / "a.py", tmp_path / "b.py")}
    assert list(loaded.errors) == [str(tmp_path / "c.py")]
    assert loaded.bag.dags == dict(loaded.dags)
    assert repr(loaded) == "<Loaded: 3 files, 1 DAGs, 1 errors>"


def test_an_archive_is_loaded(tmp_path: Path) -> None:
    """A zip archive of DAG files gives its DAGs, and an exit inside it is an import error."""
    with zipfile.ZipFile(tmp_path / "dags.zip", "w") as archive:
        archive.writestr("zipped_dag.py", DAG_FILE.format("zipped"))

    with zipfile.ZipFile(tmp_path / "exits.zip", "w") as archive:
        archive.writestr("exiting_dag.py", "import airflow, sys  # dag\nsys.exit(3)\n")

    (failure,) = load_file(tmp_path / "exits.zip").errors.values()

    assert list(load_file(tmp_path / "dags.zip").dags) == ["zipped"]
    assert failure.message == "SystemExit: 3"
    assert [tmp_path / "dags.zip", tmp_path / "exits.zip"] == find_files(tmp_path)


def test_a_group_that_a_file_leaves_open_does_not_catch_the_next_file(tmp_path: Path) -> None:
    """After a parse that broke off inside a DAG and a group, the next file's DAG stands alone."""
    left_open = (
        "from airflow import DAG\n"
        "try:\n    from airflow.sdk import TaskGroup\n"
        "except ImportError:\n    from airflow.utils.task_group import TaskGroup\n"
        "DAG('open', schedule=None).__enter__()\nTaskGroup('g').__enter__()\n1 / 0\n"
    )
    next_one = (
        "from airflow import DAG\n"
        "try:\n    from airflow.sdk import task\nexcept ImportError:\n    from airflow.decorators import task\n"
        "with DAG('d', schedule=None):\n    task(task_id='t')(lambda: 1)()\n"
    )
    write(tmp_path, a=left_open, b=next_one)

    loaded = load([tmp_path])

    assert loaded.dags["d"].task_ids == ["t"]


def test_handlers_and_timers_survive_a_parse(tmp_path: Path) -> None:
    """Signal handlers and the running timer are as before, whatever the file did to them."""
    text = "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\nsignal.setitimer(signal.ITIMER_REAL, 0)\n"
    text += "signal.signal(signal.SIGSEGV, signal.SIG_IGN)\n# airflow dag\n"
    before = signal.signal(signal.SIGALRM, ours := lambda *_: None)
    faults = signal.getsignal(signal.SIGSEGV)
    signal.setitimer(signal.ITIMER_REAL, 500)
    try:
        load_file(write(tmp_path, d=text) / "d.py")

        assert ours is signal.getsignal(signal.SIGALRM)
        assert faults == signal.getsignal(signal.SIGSEGV)
        assert 400 < signal.getitimer(signal.ITIMER_REAL)[0] <= 500
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_parse_installs_no_handler_for_segmentation_faults(tmp_path: Path) -> None:
    """Airflow 3's own handler would turn a segmentation fault into a hang."""
    text = "import signal\nHANDLER = signal.getsignal(signal.SIGSEGV)\nfrom airflow import DAG\n"
    loaded = load_file(write(tmp_path, d=text) / "d.py")
    (module,) = (
        m for m in list(sys.modules.values()) if getattr(m, "__file__", None) == str(tmp_path / "d.py")
    )

    assert {} == dict(loaded.errors)
    assert module.HANDLER == signal.getsignal(signal.SIGSEGV)


def test_warnings_of_a_file_are_no_errors(tmp_path: Path) -> None:
    """A session that turns warnings into errors does not turn a DAG file's into import errors."""
    text = "import warnings\nfrom airflow import DAG\nwarnings.warn('old', DeprecationWarning)\n"
    text += DAG_FILE.format("d")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = load_file(write(tmp_path, d=text) / "d.py")

    assert list(loaded.dags) == ["d"]
    assert any("old" in line for line in loaded.warnings)


@pytest.mark.parametrize("first", ["loading.bridge", "lines.note_lines"])
def test_the_root_logger_is_left_alone(first: str) -> None:
    """Importing Airflow, whoever does it first, neither replaces handlers of the root logger nor its level."""
    module, function = first.split(".")
    program = (
        "import logging, sys, pathlib, tempfile, warnings\n"
        "from pytest_dynadag.bridge.home import settle\n"
        f"from pytest_dynadag.bridge.{module} import {function}\n"
        "handler = logging.NullHandler(); logging.getLogger().addHandler(handler); show = warnings.showwarning\n"
        f"with settle(pathlib.Path(sys.argv[1])):\n    {function}()\n"
        "assert logging.getLogger().handlers == [handler] and logging.getLogger().level == logging.WARNING\n"
        "assert warnings.showwarning is show\n"
        "assert logging.getLogger('airflow.models').getEffectiveLevel() == logging.CRITICAL\n"
    )
    import subprocess
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", program, folder], capture_output=True, text=True, check=False
        )

    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)
    bridge()
    assert logging.getLogger("airflow").level == logging.CRITICAL


ASKING = """
from airflow import DAG
try:
    from airflow.sdk import Variable
    name = "default"
except ImportError:
    from airflow.models import Variable
    name = "default_var"
for tenant in Variable.get("tenants", deserialize_json=True, **{name: DEFAULT}):
    with DAG(tenant, schedule=None):
        pass
"""


def test_a_variable_with_a_default_needs_no_tables(tmp_path: Path) -> None:
    """A Variable that is not there gives its default, without a database, and is noted."""
    loaded = load_file(write(tmp_path, d=ASKING.replace("DEFAULT", "['fallback']")) / "d.py")

    assert list(loaded.dags) == ["fallback"]
    assert loaded.lookups == (Lookup("Variable", "tenants", found=False),)


def test_given_variables_are_seen_by_the_file_and_gone_afterwards(tmp_path: Path) -> None:
    """A value that is not a str arrives as JSON; the environment is as before."""
    file = write(tmp_path, d=ASKING.replace("DEFAULT", "[]")) / "d.py"
    before = dict(os.environ)

    with parse_metadata(variables={"tenants": ["a", "b"]}):
        loaded = load_file(file)

    assert list(loaded.dags) == ["a", "b"]
    assert loaded.lookups == (Lookup("Variable", "tenants", found=True),)
    assert before == dict(os.environ)


def test_a_missing_variable_is_named_with_the_way_to_give_it(tmp_path: Path) -> None:
    """An import that fails for want of a Variable says which, and what to pass."""
    text = "from airflow.models import Variable\nVariable.get('tenants')\n"

    (failure,) = load_file(write(tmp_path, d=text) / "d.py").errors.values()

    head, *rest = str(failure).splitlines()
    assert head.startswith(f"{tmp_path / 'd.py'}:2: ")
    assert rest == [
        "  Variable 'tenants' is not there while the file is loaded",
        "  next: pass variables={'tenants': ...}, or write it under `variables:` in the case file",
    ]


def test_a_missing_connection_is_named_with_the_way_to_give_it(tmp_path: Path) -> None:
    """An import that fails for want of a Connection says which; given as a mapping it is found."""
    text = "from airflow.hooks.base import BaseHook\nfrom airflow import DAG\n"
    text += "DAG(BaseHook.get_connection('db').host, schedule=None)\n"
    file = write(tmp_path, d=text) / "d.py"

    (failure,) = load_file(file).errors.values()

    assert failure.missing == (Lookup("Connection", "db", found=False),)
    assert str(failure).endswith(
        "  Connection 'db' is not there while the file is loaded\n"
        "  next: pass connections={'db': ...}, or write it under `connections:` in the case file"
    )
    with parse_metadata(connections={"db": {"conn_type": "http", "host": "example"}}):
        assert {} == dict(load_file(file).errors)


def test_metadata_is_written_as_airflow_reads_it() -> None:
    """Names are upper case, values that are not str are JSON, None removes."""
    assert {
        "AIRFLOW_VAR_A_B": "[1]",
        "AIRFLOW_VAR_TEXT": "as it is",
        "AIRFLOW_VAR_GONE": None,
        "AIRFLOW_CONN_DB": "sqlite://",
        "STAGE": "test",
    } == metadata_environment(
        {"a_b": [1], "text": "as it is", "gone": None}, {"db": "sqlite://"}, {"STAGE": "test"}
    )


def test_metadata_that_cannot_be_written_is_refused() -> None:
    """A value that is neither text nor JSON is named."""
    with pytest.raises(MetadataError) as caught:
        metadata_environment({"a": {1, 2}})

    assert str(caught.value) == (
        "variable 'a': {1, 2} is neither a str nor JSON (Object of type set is not JSON serializable)"
    )
    with pytest.raises(MetadataError, match="environment variable 'A': a str is needed, not 1"):
        metadata_environment(env={"A": 1})  # type: ignore[dict-item]
