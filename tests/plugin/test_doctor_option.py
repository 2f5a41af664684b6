"""The option that looks at the installation and the project: every part of it, with and without what it needs."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_dynadag.graph.defects import DEFECTS
from pytest_dynadag.plugin.case_snapshots import CASES_FOLDER

Run = Callable[..., pytest.RunResult]

WITHOUT_AIRFLOW = """\
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "airflow" else find(name, *rest)
"""


def verdicts(result: pytest.RunResult) -> dict[str, str]:
    """Give by subject the verdict, the worst where a subject has several lines."""
    order = ["ok", "note", "bad"]
    found: dict[str, str] = {}
    for line in result.outlines[:-1]:
        verdict, subject = line[:6].strip(), line[6:21].strip()
        if verdict:
            found[subject] = max(found.get(subject, "ok"), verdict, key=order.index)
    return found


def test_a_project_that_is_well(
    project: pytest.Pytester, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Every part is ok, no test runs, no value of the environment is shown, and nothing is left behind."""
    project.makepyfile(test_it="def test_it(): assert False")
    kept = project.path / "dags" / CASES_FOLDER / "sales"
    kept.mkdir(parents=True)
    kept.joinpath("two.dynadag").touch()
    tmp_path.chmod(0o700)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for name in [
        name for name in os.environ if name.startswith("AIRFLOW")
    ]:  # of tests before in this process
        monkeypatch.delenv(name)
    monkeypatch.setenv("AIRFLOW_CONN_PROD", "postgres://me:secret@host/db")

    result = run("--dynadag-doctor")

    assert pytest.ExitCode.OK == result.ret
    assert {"ok"} == set(verdicts(result).values())
    result.stdout.fnmatch_lines(
        [
            "ok    versions       Python 3*, pytest-dynadag *syrupy *",
            "ok    isolated       1 name of the environment (*",
            "ok    DAG folder     dags (the default: no ini dynadag_dags)",
            f"ok    temporary      a private folder in {tmp_path}, *",
            "ok    Airflow        *.*.*",
            "ok    database       *(engine direct)",
            "ok    defects        * known in Airflow *",
            "ok    DAG files      1 file with 1 DAG",
            "ok    time           start a process and import Airflow: * s",
            "ok    time           load the files: * s, the slowest dags/sales.py * s",
            "ok    snapshots      *(0 files), __dynadag_snapshots__ beside case files (1 file)",
            "all well",
        ]
    )
    assert any(line.strip() == f"- {DEFECTS[3]}" for line in result.outlines)
    assert "secret" not in result.stdout.str()
    assert [] == [path for path in tmp_path.iterdir() if path.name.startswith("dynadag-")]


def test_what_is_let_through_is_named(
    project: pytest.Pytester, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names that pass are to note, so are entries without effect: those never let through, and those not set."""
    project.makeini("[pytest]\ndynadag_env = AIRFLOW_VAR_A AIRFLOW_VAR_B AIRFLOW_HOME\n")
    monkeypatch.setenv("AIRFLOW_VAR_A", "1")
    monkeypatch.setenv("AIRFLOW_HOME", "/home/me/airflow")

    result = run("--dynadag-doctor")

    assert pytest.ExitCode.OK == result.ret
    assert "note" == verdicts(result)["let through"]
    shown = [line[21:] for line in result.outlines if line[6:].startswith("let through")]
    assert ["AIRFLOW_VAR_A", "never: AIRFLOW_HOME", "not set: AIRFLOW_VAR_B"] == shown


def test_without_a_dag_folder_it_says_so(run: Run) -> None:
    """The missing folder is bad, with why it is looked for; the rest is looked at all the same."""
    result = run("--dynadag-doctor")

    assert pytest.ExitCode.TESTS_FAILED == result.ret
    assert ["DAG folder"] == [subject for subject, verdict in verdicts(result).items() if verdict == "bad"]
    result.stdout.fnmatch_lines(["bad   DAG folder     dags (the default: *) is not there", "*next: name *"])


def test_without_airflow_it_says_what_to_install(project: pytest.Pytester, run: Run) -> None:
    """An environment without Airflow is bad, with the next step; nothing is loaded."""
    project.makeconftest(WITHOUT_AIRFLOW)

    result = run("--dynadag-doctor")

    assert pytest.ExitCode.TESTS_FAILED == result.ret
    assert {"Airflow": "bad"} == {s: v for s, v in verdicts(result).items() if v != "ok"}
    result.stdout.fnmatch_lines(
        ["bad   Airflow        Apache Airflow is not installed in *", "*next: pip install 'pytest-dynadag*"]
    )


def test_files_that_do_not_load_are_named(project: pytest.Pytester, run: Run) -> None:
    """A DAG file with an error is bad."""
    project.path.joinpath("dags", "broken.py").write_text("from airflow import DAG\n1 / 0\n")

    result = run("--dynadag-doctor", "dags")

    assert pytest.ExitCode.TESTS_FAILED == result.ret
    result.stdout.fnmatch_lines(
        ["bad   DAG files      2 files with 1 DAG; not as they should be: dags/broken.py"]
    )


def test_a_temporary_folder_that_others_can_change_is_bad(
    project: pytest.Pytester, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where anyone may exchange our folder, nothing is loaded from it."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o777)
        monkeypatch.setenv("TMPDIR", place)

        result = run("--dynadag-doctor")

    assert pytest.ExitCode.TESTS_FAILED == result.ret
    assert "bad" == verdicts(result)["temporary"]
    assert "DAG files" not in verdicts(result)
