"""What syrupy's users expect of a snapshot holds for ours."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import lean
import pytest

from pytest_dynadag.render.snapshot import write_snapshot

SALES = """
    from pytest_dynadag.graph.given import Given
    from pytest_dynadag.graph.planner import plan
    from pytest_dynadag.graph.sources import Output, Product
    from pytest_dynadag.graph.structure import Structure, Task

    SALES = Structure("sales", (
        Task(task_id="list_regions"),
        Task(task_id="load", upstream=("list_regions",), mapping=Product((("region", Output("list_regions")),))),
    ))

    def sales(*regions):
        return plan(SALES, Given.of({"list_regions": list(regions)}))
"""
TESTS = """
    import pytest
    from sales import SALES, sales

    def test_plan(dynadag_snapshot):
        assert sales("eu") == dynadag_snapshot

    def test_structure(dynadag_snapshot):
        assert SALES == dynadag_snapshot

    @pytest.mark.parametrize("regions", [["eu"], ["eu", "us"]], ids=["one", "two"])
    def test_regions(dynadag_snapshot, regions):
        assert sales(*regions) == dynadag_snapshot
        assert sales(*regions).counts["load"] == len(regions)
"""
NAMES = [
    "test_other/test_other.dynadag",
    "test_sales/test_plan.dynadag",
    "test_sales/test_regions[one].dynadag",
    "test_sales/test_regions[two].dynadag",
    "test_sales/test_structure.dynadag",
]
OTHER = """
    from sales import sales

    def test_other(dynadag_snapshot):
        assert sales() == dynadag_snapshot
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Give a project with five snapshots of two test files."""
    for name in ("CI", "PYTEST_XDIST_WORKER"):  # syrupy asks the last whether it is in a worker
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTEST_ADDOPTS", lean.ADDOPTS)
    monkeypatch.setenv("PYTHONPATH", str(pytester.path), prepend=":")
    pytester.makepyfile(sales=SALES, test_sales=TESTS, test_other=OTHER)
    return pytester


@pytest.fixture
def written(project: pytest.Pytester) -> pytest.Pytester:
    """Give the project with its snapshots written."""
    for name, text in zip(NAMES, write_all(), strict=True):
        path = file(project, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return project


def write_all() -> list[str]:
    """Give what stands in the snapshots."""
    sales: dict[str, Any] = {"__name__": "sales"}
    exec(textwrap.dedent(SALES), sales)
    plan = sales["sales"]
    subjects = (plan(), plan("eu"), plan("eu"), plan("eu", "us"), sales["SALES"])
    return [write_snapshot(subject) for subject in subjects]


def run(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run pytest in a process of its own: syrupy keeps its session in a global."""
    return project.runpytest_subprocess("-p", "no:cacheprovider", "-q", *arguments)


def files(project: pytest.Pytester) -> list[str]:
    """Give the snapshots there are."""
    folder = project.path / "__snapshots__"
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def file(project: pytest.Pytester, name: str) -> Path:
    """Give the file of a snapshot."""
    return project.path / "__snapshots__" / name


def test_a_snapshot_is_written_on_demand(project: pytest.Pytester) -> None:
    """`--snapshot-update` writes a readable file per comparison, named after its test; then all tests pass."""
    writing, reading = run(project, "--snapshot-update"), run(project)

    assert NAMES == files(project)
    assert write_all() == [file(project, name).read_text() for name in NAMES]
    writing.stdout.fnmatch_lines(["5 snapshots generated."])
    reading.stdout.fnmatch_lines(["5 snapshots passed."])


@pytest.mark.parametrize("where", ["here", "in CI"])
def test_a_missing_snapshot_fails(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Without `--snapshot-update` nothing is written, on a developer's machine or in CI."""
    if where == "in CI":
        monkeypatch.setenv("CI", "true")

    result = run(project, "-k", "test_plan")

    result.assert_outcomes(failed=1, deselected=4)
    assert not (project.path / "__snapshots__").exists()
    result.stdout.fnmatch_lines(
        [
            "E  *assert <Expansion of 'sales': * == dynadag_snapshot",
            "E         there is no snapshot __snapshots__/test_sales/test_plan.dynadag",
            "E         next: pass --snapshot-update to write it, look at it, and commit it",
        ]
    )


def test_a_changed_plan_fails_and_is_updated(written: pytest.Pytester) -> None:
    """A plan that differs fails with what changed; updating rewrites that file alone."""
    source = written.path / "test_sales.py"
    source.write_text(source.read_text().replace('sales("eu")', 'sales("eu", "us")'))
    untouched = file(written, "test_sales/test_structure.dynadag")
    before = untouched.stat().st_mtime_ns

    failing, updating = run(written), run(written, "--snapshot-update")

    failing.assert_outcomes(failed=1, passed=4)
    failing.stdout.fnmatch_lines(
        [
            "E  *assert <Expansion of 'sales': 2 tasks, 3 instances * == dynadag_snapshot",
            "E         the snapshot __snapshots__/test_sales/test_plan.dynadag says otherwise:",
            "E           load: 1 instance, then 2",
            'E           + load[[]1] region="us"',
            "E         next: if that is meant, pass --snapshot-update, and look at the changed file before you commit it",
        ]
    )
    updating.assert_outcomes(passed=5)
    updating.stdout.fnmatch_lines(["4 snapshots passed. 1 snapshot updated."])
    assert before == untouched.stat().st_mtime_ns
    assert 'region="us" #1' in file(written, "test_sales/test_plan.dynadag").read_text()


def test_an_unused_snapshot_fails(written: pytest.Pytester) -> None:
    """A snapshot whose test is gone fails the session, warns, or is removed, as syrupy's options say."""
    source = written.path / "test_sales.py"
    source.write_text(source.read_text().replace("def test_structure", "def structure"))

    failing, warning = run(written), run(written, "--snapshot-warn-unused")
    assert NAMES == files(written)
    keeping = run(written, "--snapshot-update", "--snapshot-no-cleanup")
    assert NAMES == files(written)
    updating = run(written, "--snapshot-update")

    assert pytest.ExitCode.TESTS_FAILED == failing.ret
    assert [pytest.ExitCode.OK] * 3 == [warning.ret, keeping.ret, updating.ret]
    failing.stdout.fnmatch_lines(["4 snapshots passed. 1 snapshot unused."])
    assert NAMES[:-1] == files(written)


PARTIAL = {
    "by keyword": ["-k", "test_plan"],
    "by id": ["test_sales.py::test_plan"],
    "by parameter": ["test_sales.py::test_regions[one]"],
    "by file": ["test_other.py"],
    "by leaving a file out": ["--ignore=test_sales.py"],
    "by leaving a test out": ["--deselect=test_sales.py::test_regions[two]"],
}


@pytest.mark.parametrize("how", PARTIAL)
def test_a_partial_run_deletes_nothing(written: pytest.Pytester, how: str) -> None:
    """However tests are selected, updating leaves the snapshots of the others alone."""
    result = run(written, "--snapshot-update", *PARTIAL[how])

    assert pytest.ExitCode.OK == result.ret
    assert NAMES == files(written)


@pytest.mark.parametrize("arguments", [("-p", "no:xdist"), ("-n", "2")], ids=["alone", "n2"])
def test_a_session_that_stops_deletes_nothing(written: pytest.Pytester, arguments: tuple[str, ...]) -> None:
    """Tests that fail before their comparison, or never begin, keep their snapshots when updating."""
    source = written.path / "test_sales.py"
    source.write_text(source.read_text().replace("    assert SALES ==", "    assert 0\n    assert SALES =="))

    result = run(written, *arguments, "--snapshot-update", "-x")

    assert pytest.ExitCode.OK != result.ret
    assert NAMES == files(written)


def test_others_snapshots_are_not_our_business(project: pytest.Pytester) -> None:
    """Where no test uses our fixture, a session that fails ends as syrupy wants it."""
    for name in ("sales", "test_sales", "test_other"):
        (project.path / f"{name}.py").unlink()
    test, gone = (
        "def test_a(snapshot): assert [1] == snapshot",
        "def test_c(snapshot): assert [2] == snapshot",
    )
    project.makepyfile(test_amber=f"{test}\n{gone}\ndef test_b(): assert 0")
    run(project, "--snapshot-update")
    assert "test_c" in file(project, "test_amber.ambr").read_text()
    project.makepyfile(test_amber=f"{test}\ndef test_b(): assert 0")

    run(project, "--snapshot-update")

    assert "test_c" not in file(project, "test_amber.ambr").read_text()


def test_the_failures_of_last_time_delete_nothing(written: pytest.Pytester) -> None:
    """`--lf` selects tests while they are collected; their neighbours' snapshots stay."""
    source = written.path / "test_sales.py"
    source.write_text(source.read_text().replace('sales("eu")', 'sales("us")'))
    written.runpytest_subprocess("-q")

    result = written.runpytest_subprocess("-q", "--lf", "--snapshot-update")

    result.stdout.fnmatch_lines(["1 snapshot updated.*"])
    assert NAMES == files(written)


def test_a_skipped_test_keeps_its_snapshot(written: pytest.Pytester) -> None:
    """The snapshot of a test that is skipped is not unused."""
    source = written.path / "test_other.py"
    source.write_text(source.read_text().replace("def test", "import pytest\n@pytest.mark.skip\ndef test"))

    result = run(written, "--snapshot-update")

    result.assert_outcomes(passed=4, skipped=1)
    assert NAMES == files(written)


def test_workers_share_the_snapshots(project: pytest.Pytester) -> None:
    """With `-n 2` snapshots are written, compared, and found unused as in one process."""
    pytest.importorskip("xdist", reason="what xdist does is under test")
    run(project, "-n", "2", "--snapshot-update").assert_outcomes(passed=5)
    assert NAMES == files(project)
    run(project, "-n", "2", "-k", "test_plan", "--snapshot-update").assert_outcomes(passed=1)
    assert NAMES == files(project)
    (project.path / "test_other.py").write_text("def test_nothing(): pass")

    result = run(project, "-n", "2")

    assert pytest.ExitCode.TESTS_FAILED == result.ret
    result.stdout.fnmatch_lines(["4 snapshots passed. 1 snapshot unused."])


def test_several_snapshots_in_one_test(project: pytest.Pytester) -> None:
    """Every comparison of a test has a file of its own, by number or by name."""
    project.makepyfile(
        test_sales="""
        from sales import sales

        def test_sizes(dynadag_snapshot):
            assert sales() == dynadag_snapshot
            assert sales("eu") == dynadag_snapshot
            assert sales("eu", "us") == dynadag_snapshot(name="two regions")
        """
    )

    run(project, "--snapshot-update", "test_sales.py").assert_outcomes(passed=1)

    names = ["test_sizes.1.dynadag", "test_sizes.dynadag", "test_sizes[two regions].dynadag"]
    assert [f"test_sales/{name}" for name in names] == files(project)


def test_another_value_is_an_error(project: pytest.Pytester) -> None:
    """What is no plan, run or structure cannot be compared, and the message says so."""
    project.makepyfile(test_sales="def test_it(dynadag_snapshot): assert {'load': 1} == dynadag_snapshot")

    result = run(project, "test_sales.py")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*TypeError: a snapshot is taken of an Expansion, a Run or a Structure, not of {'load': 1}"]
    )


def test_paths_in_the_project_are_the_same_everywhere(project: pytest.Pytester) -> None:
    """Where the checkout lies does not stand in a snapshot."""
    project.makepyfile(
        test_sales="""
        from pathlib import Path
        from sales import sales

        def test_files(dynadag_snapshot):
            assert sales(str(Path(__file__))) == dynadag_snapshot
        """
    )

    run(project, "--snapshot-update", "test_sales.py").assert_outcomes(passed=1)

    assert (
        '  region="<root>/test_sales.py" #0\n' in file(project, "test_sales/test_files.dynadag").read_text()
    )


def test_syrupys_own_snapshots_stand_beside_ours(written: pytest.Pytester) -> None:
    """A project that uses syrupy for other things keeps both kinds, whichever tests are run."""
    written.makepyfile(test_amber="def test_it(snapshot): assert [1] == snapshot")

    for selection in (["test_amber.py"], ["-k", "test_it"], []):
        run(written, "--snapshot-update", *selection)
        assert sorted(["test_amber.ambr", *NAMES]) == files(written)
