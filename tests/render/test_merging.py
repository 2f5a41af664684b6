"""The reports of shards made one, by `python -m pytest_dynadag merge`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from session_reports import make_report

from pytest_dynadag.__main__ import main
from pytest_dynadag.render.merging import UnreadableReportError, merge, read_report
from pytest_dynadag.render.report import CheckRecord, SessionReport, write_json

WHOLE = make_report()


def take(part: slice) -> SessionReport:
    """Give what a shard saw that had a part of the tests: all DAGs, and its part of the rest."""
    return replace(
        WHOLE,
        checks=WHOLE.checks[part],
        expansions=WHOLE.expansions[part],
        findings=WHOLE.findings[part],
        snapshots=WHOLE.snapshots[part],
    )


def write(folder: Path, *reports: SessionReport) -> list[str]:
    """Write each report as a shard does; give the paths."""
    paths = [folder / f"shard-{number}.json" for number, _ in enumerate(reports)]
    for path, report in zip(paths, reports, strict=True):
        path.write_text(write_json(report), encoding="utf-8")
    return list(map(str, paths))


def test_parts_make_the_whole() -> None:
    """What two shards saw between them is what one session would have said, coverage included."""
    assert WHOLE.to_dict() == merge([take(slice(1)), take(slice(1, None))]).to_dict()


def test_what_two_shards_saw_stands_once() -> None:
    """A report merged with itself is itself."""
    assert WHOLE.to_dict() == merge([WHOLE, WHOLE]).to_dict()


def test_the_worst_outcome_of_a_check_counts() -> None:
    """A check that one shard passed and another failed has failed, whichever comes first."""
    passed, failed = (CheckRecord("sales::expands", "expands", outcome) for outcome in ("passed", "failed"))
    reports = [SessionReport(checks=(passed,)), SessionReport(checks=(failed,))]

    assert (failed,) == merge(reports).checks == merge(reports[::-1]).checks


def test_a_finding_names_all_that_saw_it() -> None:
    """One finding that a test of each shard met stands once, with both."""
    first, *_ = WHOLE.findings
    reports = [SessionReport(findings=(replace(first, nodeids=(name,)),)) for name in ("one", "two")]

    assert [("one", "two")] == [record.nodeids for record in merge(reports).findings]


def test_shards_ran_side_by_side() -> None:
    """The merged session begins with the first shard and takes as long as the longest; versions stand side by side."""
    shards = [
        SessionReport("3.3.2", "2024-05-01T06:00:10+00:00", 30.0, 2.0),
        SessionReport("2.11.2", "2024-05-01T06:00:00+00:00", 20.0, 3.0),
    ]

    report = merge(shards)

    assert ("3.3.2, 2.11.2", "2024-05-01T06:00:00+00:00", 30.0, 3.0) == (
        report.airflow_version,
        report.begun,
        report.seconds,
        report.generation_seconds,
    )


def test_the_merged_report_is_written_in_every_form(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says what is in it, writes it, and fails because a check has."""
    paths = write(tmp_path, take(slice(1)), take(slice(1, None)))
    outputs = [tmp_path / "out" / f"report.{ending}" for ending in ("json", "md", "html")]

    code = main(["merge", *paths, *(f"--output={path}" for path in outputs)])

    assert code == 1
    assert WHOLE.to_dict() == json.loads(outputs[0].read_text())
    assert all(path.stat().st_size for path in outputs)
    printed = capsys.readouterr().out.splitlines()
    failed = [check.nodeid for check in WHOLE.checks if check.outcome in {"failed", "error"}]
    assert [f"FAILED {nodeid}" for nodeid in failed] == printed[: len(failed)]
    assert f"2 DAGs, {len(WHOLE.checks)} checks, {len(failed)} failed" == printed[-1]


@pytest.mark.parametrize(("percent", "code"), [("1", 0), ("100", 1)])
def test_coverage_counts_all_shards(tmp_path: Path, percent: str, code: int) -> None:
    """What the shards covered together decides, not what each did."""
    green = replace(WHOLE, checks=(), findings=())

    assert code == main(["merge", *write(tmp_path, green), "--cov-fail-under", percent])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "No such file or directory"),
        ("{", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("[]", "a list where an object is needed"),
        ('{"format": 7}', "report format 7, but this version reads 1"),
        ('{"format": 1}', "it lacks 'airflow'"),
        ("[" * 100_000, "it is nested too deeply"),
    ],
    ids=["missing", "cut off", "a list", "another format", "half of it", "deep"],
)
def test_what_is_no_report_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, why: str
) -> None:
    """The message names the file, what is wrong with it and what to do; nothing is written."""
    path, output = tmp_path / "shard.json", tmp_path / "merged.json"
    if text is not None:
        path.write_text(text)

    code = main(["merge", str(path), "-o", str(output)])

    assert code == 2
    assert capsys.readouterr().err == (
        f"{path}: not a report that can be merged: {why}\n"
        "  next: write it with pytest --dynadag-report shard.json\n"
    )
    assert not output.exists()


def test_an_unreadable_report_carries_its_path(tmp_path: Path) -> None:
    """Who catches the error finds the file and the reason in it."""
    with pytest.raises(UnreadableReportError) as caught:
        read_report(tmp_path)

    assert (tmp_path, "Is a directory") == (caught.value.path, caught.value.why)


def test_an_unknown_ending_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The form of a report is said by its ending."""
    with pytest.raises(SystemExit):
        main(["merge", *write(tmp_path, WHOLE), "-o", "report.pdf"])

    assert "'report.pdf': its ending says the form, one of .html, .json, .md" in capsys.readouterr().err
