"""Reports, coverage and annotations of whole sessions: without xdist, in one process, in two."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from projects import write_into
from rim import SALES, run_in, write

Run = Callable[..., pytest.RunResult]
Reported = tuple[Path, pytest.RunResult]

BROKEN = """\
import nothing_of_the_kind
from airflow import DAG
"""
TEXT = """\
import datetime as dt
try:
    from airflow.sdk import DAG, task
except ImportError:
    from airflow import DAG
    from airflow.decorators import task

with DAG("text", schedule=None, start_date=dt.datetime(2024, 1, 1)):

    @task(do_xcom_push=False)
    def list_regions():
        return ["eu", "us"]

    @task
    def load(region):
        return region

    load.expand(region=list_regions())
"""
PLANS = """\
def test_plan(dynadag):
    dynadag.plan("sales", given={"list_regions": ["eu"]}, states={"load[0]": "failed"})

def test_sizes(dynadag):
    dynadag.sizes("sales", lengths=[2])

def test_load(dynadag):
    assert "sales" in dynadag.load("dags/sales.py").dags

def test_without():
    pass
"""
SHAPE = "cases:\n  shape only: {given: {list_regions: [eu]}}\n"
TWO_REGIONS = "  two regions: {given: {list_regions: [eu, us]}, expect: {load: 2}}\n"
COMPARES = """\
def test_it(dynadag, dynadag_snapshot):
    assert dynadag.plan("sales", given={"list_regions": ["eu"]}) == dynadag_snapshot
"""
ALL = (
    "--dynadag-report=out/report.json",
    "--dynadag-report=out/report.md",
    "--dynadag-report=out/report.html",
)


def read(folder: Path) -> dict[str, Any]:
    """Read the JSON report of a session."""
    report: dict[str, Any] = json.loads((folder / "out/report.json").read_text(encoding="utf-8"))
    return report


def test_every_form_is_written(project: pytest.Pytester, run: Run, way: tuple[str, ...]) -> None:
    """
    A session writes each report that is asked for, the same whatever processes it has.

    The coverage counts what any process planned, but not what the built-in check does.
    """
    write(project, **{"test_plans.py": PLANS})

    result = run(
        "--dynadag", "dags", "test_plans.py", "-k", "", "--dynadag-seeds=2", "--dynadag-cov", *ALL, *way
    )

    assert 0 == result.ret
    report = read(project.path)
    assert ["sales"] == [dag["dag_id"] for dag in report["dags"]]
    assert ["dags/sales.py"] == [dag["file"] for dag in report["dags"]]
    kinds = sorted(check["kind"] for check in report["checks"] if check["outcome"] == "passed")
    assert ["case", "case", "deterministic", "expands", "imports", "test", "test", "test"] == kinds
    made = sorted((record["kind"], record["name"]) for record in report["expansions"])
    assert [("expands", f"list_regions={n}") for n in (0, 1, 1025, 2, 5)] + [("plan", "plan")] * 3 + [
        ("sizes", "list_regions=2")
    ] == made
    assert "## What the DAGs become" in (project.path / "out/report.md").read_text(encoding="utf-8")
    assert "</html>" in (project.path / "out/report.html").read_text(encoding="utf-8")
    result.stdout.fnmatch_lines(
        [
            "mapped      none  one  many  failed  skipped",
            "sales.load  yes   yes  yes   yes     -",
            "80% of what 1 mapped task or group can become",
            "dynadag: wrote out/report.json",
        ],
        consecutive=True,
    )


def test_a_report_of_fixture_tests_alone(project: pytest.Pytester, run: Run) -> None:
    """Without --dynadag a report tells of the tests that use our fixtures, and what they planned."""
    write(project, **{"test_plans.py": PLANS})

    result = run("test_plans.py", "--dynadag-report=out/report.json", "-n", "2")

    result.assert_outcomes(passed=4)
    report = read(project.path)
    assert ["sales"] == [dag["dag_id"] for dag in report["dags"]]
    assert [f"test_plans.py::test_{name}" for name in ("load", "plan", "sizes")] == sorted(
        check["nodeid"] for check in report["checks"]
    )


def test_an_unknown_ending_is_a_usage_error(project: pytest.Pytester, run: Run) -> None:
    """The ending says what to write; another one is refused before anything runs, with the known ones."""
    result = run("--dynadag", "dags", "--dynadag-report=out/report.pdf")

    assert pytest.ExitCode.USAGE_ERROR == result.ret
    assert [
        (
            "ERROR: --dynadag-report: no report is written to 'out/report.pdf': "
            "its ending says the form, one of .html, .json, .md"
        ),
        "",
    ] == result.errlines


def test_a_report_that_cannot_be_written_fails_the_session(project: pytest.Pytester, run: Run) -> None:
    """Where a path cannot be written the session says why at its end, and still writes the others."""
    write(project, out="a file where a folder is needed", **{"test_it.py": "def test_it(): pass"})

    result = run("test_it.py", "--dynadag-report=out/report.json", "--dynadag-report=other.json")

    assert 1 == result.ret
    result.stdout.fnmatch_lines(
        [
            "dynadag: could not write out/report.json: *",
            "dynadag: wrote other.json",
        ]
    )


def test_reports_can_be_asked_for_in_the_ini_file(project: pytest.Pytester, run: Run) -> None:
    """The ini file's paths are relative to it."""
    project.makeini("[pytest]\ndynadag_report = out/report.json\n")

    run("--dynadag", "dags", "-p", "no:xdist")

    assert "sales" == read(project.path)["dags"][0]["dag_id"]


@pytest.mark.parametrize(("least", "code"), [("40", 0), ("60", 1)])
def test_too_little_coverage_fails_the_session(
    project: pytest.Pytester, run: Run, least: str, code: int
) -> None:
    """With a least percentage the line says both, and falling short of it fails a session that is well otherwise."""
    result = run("--dynadag", "dags", f"--dynadag-cov-fail-under={least}", "-p", "no:xdist")

    assert code == result.ret
    result.stdout.fnmatch_lines(
        [f"40% of what 1 mapped task or group can become, at least {least}% asked for"]
    )


def test_a_percentage_that_is_none_is_a_usage_error(project: pytest.Pytester, run: Run) -> None:
    """A percentage beyond 100 is refused."""
    result = run("--dynadag", "dags", "--dynadag-cov-fail-under=120")

    assert [
        "ERROR: --dynadag-cov-fail-under: a percentage from 0 to 100 is needed, not '120'",
        "",
    ] == result.errlines


def test_nothing_is_said_when_all_is_well(project: pytest.Pytester, run: Run) -> None:
    """Without a finding and without a wish there is no section of ours but the table."""
    result = run("--dynadag", "dags", "-p", "no:xdist")

    result.stdout.no_fnmatch_line("*findings*")
    result.stdout.no_fnmatch_line("*coverage*")
    result.stdout.no_fnmatch_line("*::error*")


def test_github_shows_a_failure_on_its_line(
    project: pytest.Pytester, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In GitHub Actions each finding becomes a command that names the DAG's file and line."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project.path.parent))
    write(project, **{"dags/broken.py": BROKEN})

    result = run("--dynadag", "dags", "-n", "2")

    message = "ModuleNotFoundError: No module named 'nothing_of_the_kind'"
    [line] = [line for line in result.outlines if line.startswith("::error")]
    assert line.startswith(
        f"::error file={project.path.name}/dags/broken.py,line=1,title=DYN401::{message}%0Anext: "
    )


def test_a_failed_case_points_to_its_file(project: pytest.Pytester, run: Run) -> None:
    """`--tb=line` and what annotates failures find the line of the expectation that does not hold."""
    case = "cases:\n  wrong:\n    given: {list_regions: [eu]}\n    expect: {load: 3}\n"
    write(project, **{"dags/sales.dynadag.yaml": case})

    result = run("--dynadag", "dags", "--tb=line", "-p", "no:xdist")

    place = Path(project.path) / "dags/sales.dynadag.yaml"
    result.stdout.fnmatch_lines([f"{place}:4: *case 'wrong' of DAG 'sales' does not hold"])


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a project with a case and a test, each compared with a snapshot; give its folder."""
    folder = tmp_path_factory.mktemp("compared")
    write_into(
        folder, {"dags/sales.py": SALES, "dags/sales.dynadag.yaml": SHAPE, "test_snapshot.py": COMPARES}
    )
    written = run_in(folder, "--dynadag", "dags", "test_snapshot.py", "--snapshot-update", "-p", "no:xdist")
    written.assert_outcomes(passed=4)
    return folder


@pytest.fixture(scope="module")
def reported(way: tuple[str, ...], compared: Path, tmp_path_factory: pytest.TempPathFactory) -> Reported:
    """Report a session in which snapshots differ, a file does not load, and a DAG cannot expand; give where, too."""
    folder = tmp_path_factory.mktemp("reported") / "project"
    shutil.copytree(compared, folder)
    files = {
        "dags/broken.py": BROKEN,
        "dags/text.py": TEXT,
        "dags/sales.dynadag.yaml": SHAPE.replace("[eu]", "[us]") + TWO_REGIONS,
        "test_snapshot.py": COMPARES.replace('["eu"]', '["us"]'),
    }
    write_into(folder, files)
    asked = (*ALL, "--junitxml=junit.xml")
    return folder, run_in(folder, "--dynadag", "dags", "test_snapshot.py", *asked, *way)


def test_a_changed_snapshot_is_reported(reported: Reported) -> None:
    """A snapshot that differs stands in the reports with its text before and now, from tests and from cases."""
    folder, result = reported

    assert 1 == result.ret
    snapshots = sorted(read(folder)["snapshots"], key=lambda snapshot: snapshot["nodeid"])
    assert ["dags/sales.dynadag.yaml::sales::shape only", "test_snapshot.py::test_it"] == [
        snapshot["nodeid"] for snapshot in snapshots
    ]
    for snapshot in snapshots:
        assert '  region="eu" #0' in snapshot["before"].splitlines()
        assert '  region="us" #0' in snapshot["after"].splitlines()
        assert not snapshot["updated"]
    assert '-  region="eu" #0' in (folder / "out/report.md").read_text(encoding="utf-8")


def test_findings_are_counted_by_rule(reported: Reported) -> None:
    """The summary names each rule once, with how often it was found and where."""
    folder, result = reported

    result.stdout.fnmatch_lines(
        [
            "*- findings -*",
            "DYN301  1 x an output cannot be mapped over: text",
            "DYN401  1 x import error: dags/broken.py",
        ]
    )
    found = {finding["rule"]: finding for finding in read(folder)["findings"]}
    assert ["DYN301", "DYN401"] == sorted(found)
    assert ["dags/text.py::text::expands"] == found["DYN301"]["nodeids"]
    assert "import nothing_of_the_kind" == found["DYN401"]["source"]


def test_junit_says_what_was_found(reported: Reported) -> None:
    """JUnit's properties name the DAG, the rule and the lengths."""
    folder, _ = reported

    properties = [
        (case.attrib["name"], {p.attrib["name"]: p.attrib["value"] for p in case.iter("property")})
        for case in ET.parse(folder / "junit.xml").iter("testcase")
    ]
    assert {
        "dynadag_check": "case",
        "dynadag_dag": "sales",
        "dynadag_lengths": "list_regions=1 load=2 report=1",
    } == dict(properties)["two regions"]
    wrong = next(found for name, found in properties if name == "expands" and "dynadag_rule" in found)
    assert {"dynadag_check": "expands", "dynadag_dag": "text", "dynadag_rule": "DYN301"} == wrong


def test_a_secret_is_in_no_report(project: pytest.Pytester, run: Run) -> None:
    """What stands under a secret name is hidden in every form, wherever else it appears."""
    test = "def test_it(dynadag):\n    dynadag.plan('sales', given={'list_regions': [{'password': 'hunter22'}, 'as hunter22']})\n"
    write(project, **{"test_secret.py": test})

    run("--dynadag", "dags", "test_secret.py", *ALL, "-p", "no:xdist")

    for ending in ("json", "md", "html"):
        text = (project.path / f"out/report.{ending}").read_text(encoding="utf-8")
        assert "sales" in text
        assert "hunter22" not in text.replace("test_secret.py", "")
