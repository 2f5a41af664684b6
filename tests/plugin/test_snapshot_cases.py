"""Cases without `expect`: what their DAG becomes is compared with a file beside the case file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import lean
import pytest
from rim import SALES, message_about, write

from pytest_dynadag.cases.casefile import Case
from pytest_dynadag.cases.verdict import CaseFailure
from pytest_dynadag.graph.expansion import Expansion, TaskExpansion
from pytest_dynadag.location import Location
from pytest_dynadag.plugin.case_snapshots import (
    CaseSnapshots,
    digest_case,
    find_orphans,
    make_file_name,
    treat_unused,
)
from pytest_dynadag.plugin.checks import CheckFailure

CASES = """\
cases:
  shape only: {given: {list_regions: [eu]}}
  with expectations:
    given: {list_regions: [eu]}
    expect: {load: 1}
"""
TEXT = """\
pytest-dynadag snapshot 1
dag: sales
plan
given: 9c033ff2d762

[tasks]
list_regions
load: 1 mapped
  region="eu" #0
report

[dependencies]
list_regions -> load: all
load -> report: all
"""
PLACE = Path("dags/__dynadag_snapshots__/sales/shape only.dynadag")


def numbers(*values: int) -> Expansion:
    """Give an expansion with one instance per number."""
    return Expansion(
        "sales", (TaskExpansion("load", len(values), True, ("success",), [{"n": n} for n in values]),)
    )


def case(name: str, **given: Any) -> Case:
    """Give a case without expectations."""
    return Case(name, Location("sales.dynadag.yaml", 2), given)


@pytest.fixture
def store(tmp_path: Path) -> CaseSnapshots:
    """Give the snapshots of a case file that has none yet."""
    return CaseSnapshots(tmp_path / "sales.dynadag.yaml", tmp_path)


def test_a_missing_snapshot_fails_and_is_not_written(store: CaseSnapshots) -> None:
    """Without `--snapshot-update` a case without a snapshot fails, and says what to do."""
    with pytest.raises(CaseFailure) as caught:
        store.check(case("shape only"), "sales", numbers(1))

    message = """\
sales.dynadag.yaml:2: case 'shape only' of DAG 'sales' does not hold
  sales.dynadag.yaml:2: there is no snapshot __dynadag_snapshots__/sales/shape only.dynadag
    next: pass --snapshot-update to write it, look at it, and commit it
the plan is:
  sales: 1 task, 1 instance, 0 edges
  └── load  1  success
      └── [0] n=1"""
    assert message == str(caught.value)
    assert not store.folder.exists()


def test_a_changed_snapshot_fails(store: CaseSnapshots) -> None:
    """A plan that differs from its snapshot fails with what changed, and leaves the file alone."""
    replace(store, create=True).check(case("shape only"), "sales", numbers(1))
    before = store.locate(case("shape only")).read_text()

    with pytest.raises(CaseFailure) as caught:
        store.check(case("shape only"), "sales", numbers(1, 2))

    message = """\
  sales.dynadag.yaml:2: the snapshot __dynadag_snapshots__/sales/shape only.dynadag says otherwise:
      load: 1 instance, then 2
      + load[1] n=2
    next: if that is meant, pass --snapshot-update, and look at the changed file before you commit it
"""
    assert message in str(caught.value)
    assert before == store.locate(case("shape only")).read_text()


def test_new_ones_only(store: CaseSnapshots) -> None:
    """`--snapshot-update-new-only` writes what is missing, and does not touch what differs."""
    new_only = replace(store, create=True)
    new_only.check(case("shape only"), "sales", numbers(1))

    with pytest.raises(CaseFailure):
        new_only.check(case("shape only"), "sales", numbers(2))


def test_updating_rewrites(store: CaseSnapshots) -> None:
    """`--snapshot-update` writes what differs; afterwards the case holds."""
    updating = replace(store, create=True, update=True)
    updating.check(case("shape only"), "sales", numbers(1))
    updating.check(case("shape only"), "sales", numbers(2))

    store.check(case("shape only"), "sales", numbers(2))


def test_files_of_cases_that_are_gone(store: CaseSnapshots) -> None:
    """A file belongs to nobody if its case is gone, or has expectations by now."""
    updating = replace(store, create=True)
    for name in ("kept", "gone", "judged"):
        updating.check(case(name), "sales", numbers(1))

    unused = store.find_unused([case("kept"), replace(case("judged"), expect=())])

    assert [store.folder / "gone.dynadag", store.folder / "judged.dynadag"] == list(unused)


def test_files_of_a_case_file_that_is_gone(store: CaseSnapshots, tmp_path: Path) -> None:
    """The first of them stands for all; where the case file is, it says itself what is not used."""
    for name in ("a", "b"):
        replace(store, create=True).check(case(name), "sales", numbers(1))
    a, b = store.locate(case("a")), store.locate(case("b"))
    elsewhere = tmp_path / "sales" / a.name
    elsewhere.parent.mkdir()
    elsewhere.touch()

    assert [(a, b), (), ()] == [find_orphans(path) for path in (a, b, elsewhere)]
    store.casefile.touch()
    assert () == find_orphans(a)


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        ((), []),
        (("--snapshot-no-cleanup",), ["a", "b"]),
        (("-k", "snapshots"), ["a", "b"]),
        (("--lf",), ["a", "b"]),
        (("--ignore", "dags/other.py"), ["a", "b"]),
        (("dags/sales.dynadag.yaml::sales::one",), ["a", "b"]),
    ],
    ids=["whole", "no cleanup", "by name", "last failures", "ignoring", "by id"],
)
def test_only_a_whole_session_deletes(
    pytester: pytest.Pytester, tmp_path: Path, arguments: tuple[str, ...], left: list[str]
) -> None:
    """Updating deletes what belongs to no case, with the folders that are empty then, unless tests are left out."""
    folder = tmp_path / "dags" / "__dynadag_snapshots__" / "sales"
    folder.mkdir(parents=True)
    paths = [folder / "a", folder / "b"]
    for path in paths:
        path.touch()

    treat_unused(paths, pytester.parseconfig("--snapshot-update", *arguments), "nobody")

    assert left == [path.name for path in paths if path.exists()]
    assert bool(left) == folder.parent.exists()


def test_unused_files_are_named_with_the_reason(pytester: pytest.Pytester) -> None:
    """Without an option the check fails with the files, why they are not used, and what to do."""
    folder = pytester.path / "dags" / "__dynadag_snapshots__" / "gone"

    with pytest.raises(CheckFailure) as caught:
        treat_unused(
            (folder / "a.dynadag", folder / "b.dynadag"), pytester.parseconfig(), "a case file that is gone"
        )

    message = """\
2 snapshots belong to a case file that is gone:
  dags/__dynadag_snapshots__/gone/a.dynadag
  dags/__dynadag_snapshots__/gone/b.dynadag
  next: delete them, or pass --snapshot-update to have them deleted"""
    assert message == str(caught.value)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("two regions", "two regions"),
        ("größe 1.5", "größe 1.5"),
        ("Two regions", "Two regions c18dca"),
        ("a/b", "a_b c14cdd"),
        ("a:b", "a_b 7bb404"),
        ("..", "c2de3b"),
        ("x" * 101, f"{'x' * 100} 9ce31f"),
    ],
)
def test_a_case_has_a_file_name_of_its_own(name: str, file: str) -> None:
    """What no system can hold, or would take for another case, is replaced and told apart by a digest."""
    made = make_file_name(name)

    assert file.rpartition(" ")[0] == made.rpartition(" ")[0]
    assert len(file) == len(made)


def test_cases_that_differ_in_case_have_files_that_do_not_clash() -> None:
    """A file system that takes A for a keeps them apart."""
    assert 3 == len({make_file_name(name).lower() for name in ("all", "All", "ALL")})


def test_the_digest_of_a_given_tells_no_secret() -> None:
    """Another output is another digest; another password is not."""
    one = replace(case("a", load=[1]), variables={"api_key": "hunter22"})

    assert digest_case(one) == digest_case(replace(one, variables={"api_key": "topsecret"}))
    assert digest_case(one) != digest_case(replace(one, given={"load": [2]}))
    assert "" == digest_case(case("nothing"))


# -- in a session -------------------------------------------------------------------------------------------


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Write a project with a DAG, and a case that is compared with its snapshot."""
    monkeypatch.setenv("CI", "true")
    write(pytester, **{"dags/sales.py": SALES, "dags/sales.dynadag.yaml": CASES})
    return pytester


def test_a_snapshot_from_the_first_day_to_the_last(project: pytest.Pytester, run: Any) -> None:
    """A snapshot is missed, written on demand, compared, and complained about when its case is gone."""
    arguments = ("--dynadag", "-q", "-k", "shape or snapshots")
    missing = run(*arguments)
    assert not (project.path / PLACE).exists()
    writing = run(*arguments, "--snapshot-update")
    assert TEXT == (project.path / PLACE).read_text(encoding="utf-8")
    (project.path / "dags/sales.dynadag.yaml").write_text(CASES.replace("shape only", "new shape"))
    renamed = run(*arguments)

    missing.assert_outcomes(failed=1, deselected=4)
    writing.assert_outcomes(passed=1, deselected=4)
    assert "there is no snapshot dags/__dynadag_snapshots__/sales/shape only.dynadag" in str(missing.stdout)
    title = "sales.dynadag.yaml::sales::unused snapshots"
    message = f"""\
1 snapshot belongs to no case without `expect`:
  {PLACE}
  next: delete them, or pass --snapshot-update to have them deleted"""
    assert message == message_about(renamed, title).strip()
    assert (project.path / PLACE).exists()


def test_workers_write_and_delete_as_one_process_does(
    project: pytest.Pytester, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `-n 2` updating writes what is missing and deletes what belongs to no case, and the end says which."""
    monkeypatch.setenv("PYTEST_ADDOPTS", lean.ADDOPTS)  # a session that selects by name deletes nothing
    place, folder = project.path / PLACE, project.path / PLACE.parents[1]
    for name in ("sales/stale", "gone/a", "gone/b"):
        write(project, **{f"dags/__dynadag_snapshots__/{name}.dynadag": "old"})

    result = run("--dynadag", "-q", "-n", "2", "--snapshot-update", "dags/sales.dynadag.yaml", str(folder))

    result.assert_outcomes(passed=4)
    assert [folder / "sales", place] == sorted(folder.rglob("*"))
    assert [
        "snapshot deleted: dags/__dynadag_snapshots__/gone/a.dynadag",
        "snapshot deleted: dags/__dynadag_snapshots__/gone/b.dynadag",
        "snapshot deleted: dags/__dynadag_snapshots__/sales/stale.dynadag",
        f"snapshot written: {PLACE}",
    ] == sorted(line for line in result.outlines if line.startswith("snapshot "))


def test_a_session_without_dynadag_leaves_them_alone(project: pytest.Pytester, run: Any) -> None:
    """Snapshots of cases survive updating by a session that does not collect cases but uses snapshots."""
    write(project, **{str(PLACE): TEXT, "dags/test_it.py": "def test_it(snapshot): assert 1 == snapshot"})

    result = run("-q", "--snapshot-update", "dags")

    result.assert_outcomes(passed=1)
    assert (project.path / PLACE).exists()


def test_a_case_file_that_is_gone_leaves_orphans(project: pytest.Pytester, run: Any) -> None:
    """A session over the folder fails because of them, one that names a file beside them does not look."""
    orphan = "dags/__dynadag_snapshots__/sales/shape only.dynadag"
    write(project, **{orphan: TEXT})
    (project.path / "dags/sales.dynadag.yaml").unlink()

    whole, partial = run("--dynadag", "-q"), run("--dynadag", "-q", "dags/sales.py")

    whole.assert_outcomes(failed=1, passed=2, deselected=1)
    assert (
        f"FAILED {orphan}::unused snapshots - 1 snapshot belongs to a case file that is gone:"
        in whole.outlines
    )
    partial.assert_outcomes(passed=2, deselected=1)


def test_unused_ones_may_be_accepted(project: pytest.Pytester, run: Any) -> None:
    """`--snapshot-warn-unused` warns, and keeps the file."""
    stale = PLACE.with_name("stale.dynadag")
    write(project, **{str(PLACE): TEXT, str(stale): "old"})

    result = run("--dynadag", "-q", "-rp", "--snapshot-warn-unused", "-k", "snapshots")

    result.assert_outcomes(passed=1, warnings=1, deselected=5)
    assert "PASSED dags/sales.dynadag.yaml::sales::unused snapshots" in result.outlines
    assert (project.path / stale).exists()
