"""What a process notes of the item that runs, and what becomes a property of its report."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_dynadag.findings import Finding
from pytest_dynadag.graph.given import Given
from pytest_dynadag.graph.planner import plan
from pytest_dynadag.graph.structure import Structure, Task
from pytest_dynadag.location import Location
from pytest_dynadag.plugin.annotations import annotate, format_error, is_wanted
from pytest_dynadag.plugin.recording import Recording, read_recorded
from pytest_dynadag.render.report import CheckRecord, FindingRecord, SessionReport
from pytest_dynadag.render.summary import describe_findings

CLOCK = Finding("DYN103", "sales", Location("dags/sales.py", 3), "depends on the clock", "pin it")
SALES = Structure("sales", (Task(task_id="load"),))


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    """Give a recording that follows one item."""
    session: Any = SimpleNamespace(folder=tmp_path, worker="gw1")
    item: Any = SimpleNamespace(nodeid="a.py::b", user_properties=[])
    return Recording(session, wanted=True, item=item)


def noted(recording: Recording) -> list[dict[str, Any]]:
    """Read what was noted."""
    return list(read_recorded(recording.session.folder))


def properties(recording: Recording) -> list[tuple[str, Any]]:
    """Give the properties of the item's report."""
    assert recording.item is not None
    return recording.item.user_properties


def test_a_divergence_names_its_circumstance(recording: Recording) -> None:
    """A failure with divergences gives findings, and properties with rule and circumstance, each once."""
    divergence = SimpleNamespace(finding=CLOCK, circumstance="clock")
    failure: Any = AssertionError()
    failure.determinism = SimpleNamespace(divergences=[divergence, divergence])

    recording._note_failure(failure)

    assert [
        ("dynadag_dag", "sales"),
        ("dynadag_rule", "DYN103"),
        ("dynadag_circumstance", "clock"),
        ("dynadag_check", "test"),
    ] == properties(recording)
    assert ["clock"] * 2 == [entry["circumstance"] for entry in noted(recording)]


def test_an_allowed_finding_has_a_reason_and_no_property(recording: Recording) -> None:
    """What is accepted is noted with its reason, and no report says that a rule is broken."""
    recording.note_finding(CLOCK, allowed="until June")

    assert ["until June"] == [entry["allowed"] for entry in noted(recording)]
    assert [("dynadag_dag", "sales"), ("dynadag_check", "test")] == properties(recording)


def test_a_structure_is_noted_once(recording: Recording) -> None:
    """Two plans of one DAG share its structure, and have names of their own."""
    for _ in range(2):
        recording.note_plan(SALES, plan(SALES, Given()))

    entries = noted(recording)
    assert ["dag", "expansion", "expansion"] == [entry["what"] for entry in entries]
    assert ["plan", "plan 2"] == [entry["name"] for entry in entries[1:]]
    assert ("dynadag_lengths", "load=1") in properties(recording)


def test_nothing_is_noted_between_items(recording: Recording) -> None:
    """What happens outside of a test belongs to none."""
    recording.item = None

    recording.note_plan(SALES, plan(SALES, Given()))

    assert [] == noted(recording)


def test_expansions_are_noted_only_for_a_reader(recording: Recording) -> None:
    """Without a report or a coverage only findings are written."""
    recording.wanted = False

    recording.note_plan(SALES, plan(SALES, Given()))
    recording.note_findings([CLOCK])

    assert ["finding"] == [entry["what"] for entry in noted(recording)]


def test_a_line_that_a_process_left_unfinished_is_passed_over(recording: Recording) -> None:
    """A worker that dies while it writes costs its last line and nothing else."""
    recording.note_findings([CLOCK])
    [path] = recording.session.folder.glob("recorded/*.jsonl")
    with path.open("a", encoding="utf-8") as file:
        file.write('{"what": "findi')

    assert ["finding"] == [entry["what"] for entry in noted(recording)]


# -- lines made from it ---------------------------------------------------------------------------------------


def test_findings_are_summed_up_by_rule() -> None:
    """Each rule has a line with its number and first places; what is allowed is not counted."""
    others = [Finding("DYN103", f"dag{n}", None, "depends on the clock") for n in range(3)]
    allowed = FindingRecord(Finding("DYN401", None, Location("dags/x.py"), "?"), allowed="being moved")

    lines = describe_findings([*map(FindingRecord, [CLOCK, *others]), allowed])

    assert [
        "DYN103  4 x generation depends on the clock: sales, dag0, dag1 and 1 more",
    ] == lines


def test_annotations_name_each_problem_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A finding explains the check that saw it; a check without one has its own line, an allowed finding none."""
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    report = SessionReport(
        checks=(
            CheckRecord(
                "a::deterministic", "deterministic", "failed", "sales", 0, "no", Location("dags/sales.py")
            ),
            CheckRecord(
                "a::two", "case", "failed", "sales", 0, "1 is\nnot 2", Location("dags/sales.dynadag.yaml", 4)
            ),
        ),
        findings=(
            FindingRecord(CLOCK, ("a::deterministic",)),
            FindingRecord(Finding("DYN401", None, Location("dags/x.py"), "?"), allowed="being moved"),
        ),
    )

    assert [
        "::error file=dags/sales.py,line=3,title=DYN103 sales::depends on the clock%0Anext: pin it",
        "::error file=dags/sales.dynadag.yaml,line=4,title=a%3A%3Atwo::1 is%0Anot 2",
    ] == annotate(report, Path("/project"))


def test_an_annotation_is_one_line() -> None:
    """Nothing in a text can end the line or a property, and so begin another command."""
    line = format_error(Location("a,b:c.py", 2), "x::y,\n", "100% \r\n::set-output name=x::y")

    assert (
        "::error file=a%2Cb%3Ac.py,line=2,title=x%3A%3Ay%2C%0A::100%25 %0D%0A::set-output name=x::y" == line
    )


def test_annotations_are_for_github_alone() -> None:
    """They are written in GitHub Actions, unless a plugin does so for every failure."""
    assert is_wanted({"GITHUB_ACTIONS": "true"}, ["dynadag"])
    assert not is_wanted({}, ["dynadag"])
    assert not is_wanted({"GITHUB_ACTIONS": "true"}, ["pytest_github_actions_annotate_failures"])
