"""The isolated home: what it hides, what it lets through, and that it leaves nothing behind."""

from __future__ import annotations

import importlib.metadata
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_dynadag.bridge import home
from pytest_dynadag.bridge.home import AirflowMissingError, NotIsolatedError, airflow_version, settle

DEVELOPERS_MACHINE = {
    "AIRFLOW_HOME": "/home/me/airflow",
    "AIRFLOW_CONFIG": "/home/me/airflow.cfg",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://production",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_CMD": "get-password",
    "AIRFLOW__SECRETS__BACKEND": "vault",
    "AIRFLOW__CORE__LOAD_EXAMPLES": "True",
    "AIRFLOW_CONN_WAREHOUSE": "snowflake://production",
    "AIRFLOW_VAR_TENANTS": "[]",
    "PATH": "/usr/bin",
}


def test_nothing_of_the_machines_airflow_stays_visible(tmp_path: Path) -> None:
    """Options, Connections, Variables, home and configuration file are removed, and named without values."""
    environment = dict(DEVELOPERS_MACHINE)

    isolation = settle(tmp_path / "home", environment=environment)

    assert isolation.removed == tuple(sorted(set(DEVELOPERS_MACHINE) - {"PATH"}))
    assert "production" not in " ".join(environment.values())
    assert "production" not in repr(isolation)
    assert environment["PATH"] == "/usr/bin"
    assert environment["AIRFLOW_HOME"] == str(tmp_path / "home")
    assert environment["AIRFLOW__CORE__LOAD_EXAMPLES"] == "False"
    assert environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == isolation.database


def test_names_are_let_through_by_pattern(tmp_path: Path) -> None:
    """What is let through by name or pattern keeps its value, and wins over our own setting."""
    environment = dict(DEVELOPERS_MACHINE)

    isolation = settle(
        tmp_path, let_through=["AIRFLOW_VAR_*", "AIRFLOW__CORE__LOAD_EXAMPLES"], environment=environment
    )

    assert isolation.let_through == ("AIRFLOW_VAR_TENANTS", "AIRFLOW__CORE__LOAD_EXAMPLES")
    assert environment["AIRFLOW_VAR_TENANTS"] == "[]"
    assert environment["AIRFLOW__CORE__LOAD_EXAMPLES"] == "True"
    assert "AIRFLOW_CONN_WAREHOUSE" not in environment


def test_the_database_is_never_let_through(tmp_path: Path) -> None:
    """Even `AIRFLOW*` does not let a test reach the machine's metadata database."""
    environment = dict(DEVELOPERS_MACHINE)

    isolation = settle(tmp_path, let_through=["AIRFLOW*"], environment=environment)

    assert environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == isolation.database
    assert "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_CMD" not in environment
    assert environment["AIRFLOW_HOME"] == str(tmp_path)
    assert environment["AIRFLOW_CONN_WAREHOUSE"] == "snowflake://production"


def test_undo_puts_the_environment_back(tmp_path: Path) -> None:
    """After the context, the environment is what it was."""
    environment = dict(DEVELOPERS_MACHINE)

    with settle(tmp_path, environment=environment):
        assert environment != DEVELOPERS_MACHINE

    assert environment == DEVELOPERS_MACHINE


def test_the_home_is_its_owners_only(tmp_path: Path) -> None:
    """Nobody else may read what tests leave in the home."""
    settle(tmp_path / "deep" / "home", environment={})

    assert stat.S_IMODE((tmp_path / "deep" / "home").stat().st_mode) == 0o700


def test_the_repr_shows_counts(tmp_path: Path) -> None:
    """The repr tells how much was removed, not what."""
    isolation = settle(tmp_path, environment=dict(DEVELOPERS_MACHINE), let_through=["AIRFLOW_VAR_*"])

    assert repr(isolation) == f"<Isolation in {str(tmp_path)!r}: 7 names removed, 1 let through, 0 notes>"


def test_a_missing_airflow_is_named_with_the_extra_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Airflow the whole message says what to install, and where it was looked for."""
    for name in [name for name in sys.modules if name.split(".")[0] == "airflow"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(sys, "prefix", "/venv")

    with pytest.raises(AirflowMissingError) as caught:
        home.require_airflow()

    assert str(caught.value) == (
        "Apache Airflow is not installed in /venv, and loading or running DAGs needs it\n"
        "  next: pip install 'pytest-dynadag[airflow3]' (Airflow 3) or 'pytest-dynadag[airflow2]' (Airflow 2.10 or 2.11)"
    )


def test_a_folder_named_airflow_is_not_airflow(tmp_path: Path) -> None:
    """A project's own folder `airflow/` does not pass for Airflow."""
    (tmp_path / "airflow" / "dags").mkdir(parents=True)
    program = "import sys; sys.path[:] = [sys.argv[1], *[p for p in sys.path if 'site-packages' not in p]]\n"
    program += "sys.path.append(sys.argv[2])\n"
    program += "from pytest_dynadag.bridge.home import require_airflow, AirflowMissingError\n"
    program += "try: require_airflow()\nexcept AirflowMissingError: print('missing')"

    done = run_python(program, str(tmp_path), str(Path(home.__file__).parents[2]), env=dict(os.environ))

    assert done == "missing\n"


def test_the_version_is_told_without_importing_airflow() -> None:
    """The installed version comes from the package's metadata."""
    program = "import sys; from pytest_dynadag.bridge.home import airflow_version; print(airflow_version())\n"
    program += "assert 'airflow' not in sys.modules"

    assert f"{airflow_version()}\n" == run_python(program, env=dict(os.environ))
    assert importlib.metadata.version("apache-airflow") == airflow_version()


def test_the_users_airflow_folder_is_not_touched(tmp_path: Path) -> None:
    """Settling, loading and running create nothing in the user's home folder."""
    users, file = tmp_path / "user", tmp_path / "d.py"
    users.mkdir()
    file.write_text("from airflow import DAG\nwith DAG('d', schedule=None): pass\n")
    program = (
        "import sys, pathlib\n"
        "from pytest_dynadag.bridge.home import settle\n"
        "from pytest_dynadag.bridge.loading import bridge, load_file\n"
        "from pytest_dynadag.bridge import database\n"
        "with settle(pathlib.Path(sys.argv[1])):\n"
        "    assert list(load_file(pathlib.Path(sys.argv[2])).dags) == ['d']\n"
        "    database.prepare()\n"
        "    database.empty()\n"
    )
    env = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}

    run_python(program, str(tmp_path / "ours"), str(file), env={**env, "HOME": str(users)})

    assert list(users.iterdir()) == []
    assert (tmp_path / "ours" / "airflow.db").exists()


def test_an_airflow_that_is_imported_already_is_pointed_to_our_home(tmp_path: Path) -> None:
    """Imported too early, Airflow uses our database all the same, says what stays, and is pointed back."""
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "airflow.cfg").write_text("[core]\nparallelism = 3\n")
    program = (
        "import sys, pathlib, airflow\n"
        "from airflow import settings\n"
        "before = str(settings.engine.url)\n"
        "from pytest_dynadag.bridge.home import settle\n"
        "with settle(pathlib.Path(sys.argv[1])) as isolation:\n"
        "    assert str(settings.engine.url) == isolation.database, settings.engine.url\n"
        "    print('\\n'.join(isolation.notes))\n"
        "assert str(settings.engine.url) == before\n"
    )
    env = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}

    said = run_python(program, str(tmp_path / "ours"), env={**env, "AIRFLOW_HOME": str(theirs)})

    assert said.splitlines() == [
        "Airflow was imported before pytest-dynadag could settle its home",
        f"options that it read from {theirs / 'airflow.cfg'} stay in force",
        f"whoever asks airflow.configuration for AIRFLOW_HOME gets {theirs}",
    ]


def test_a_database_that_is_not_ours_is_named() -> None:
    """The refusal says which database it is, and what to do."""
    assert str(NotIsolatedError("postgresql://me:***@db/airflow")) == (
        "Airflow's database is postgresql://me:***@db/airflow, not one of pytest-dynadag's own: "
        "nothing is run against it\n"
        "  next: settle an isolated home before (bridge.home.settle), and do not call "
        "airflow.settings.configure_orm in the tests"
    )


def run_python(program: str, *arguments: str, env: dict[str, str]) -> str:
    """Run a program in an interpreter of its own, and give what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
