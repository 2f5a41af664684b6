"""The record of a session, and what is written from it: JSON, Markdown, HTML."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from session_reports import HOSTILE, NAMES_OF_HOSTILITY, SALES, make_report, make_wide

from pytest_dynadag.findings import Finding
from pytest_dynadag.graph.given import Given
from pytest_dynadag.graph.planner import plan
from pytest_dynadag.graph.sources import Literal, Output, Product
from pytest_dynadag.graph.structure import Group, Structure, Task
from pytest_dynadag.location import Location
from pytest_dynadag.render.coverage import Covered, find_percent, measure
from pytest_dynadag.render.hiding import hide_in_expansion, hide_in_structure
from pytest_dynadag.render.markdown import block, code, escape, escape_html, write_markdown
from pytest_dynadag.render.page import LARGEST, write_page
from pytest_dynadag.render.paths import shorten
from pytest_dynadag.render.report import CheckRecord, FindingRecord, SessionReport, write_json

SCHEMA = Path(__file__).parents[2] / "docs/schema/report.schema.json"


# -- the record -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("report", [SessionReport(), make_report()], ids=["empty", "full"])
def test_a_report_survives_json(report: SessionReport) -> None:
    """Written and read again, a report is what it was."""
    written = write_json(report)

    assert json.loads(written) == SessionReport.from_dict(json.loads(written)).to_dict()


@pytest.mark.parametrize("report", [SessionReport(), make_report()], ids=["empty", "full"])
def test_a_report_follows_its_schema(report: SessionReport) -> None:
    """The published schema describes every report, and knows every field."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))

    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(json.loads(write_json(report)))


def test_another_format_is_refused() -> None:
    """A report of another version is not read as if it were of this one."""
    with pytest.raises(ValueError, match="report format 2, but this version reads 1"):
        SessionReport.from_dict({"format": 2})


def test_the_repr_counts() -> None:
    """A report prints its size, not its contents."""
    assert "<SessionReport: 2 DAGs, 4 checks, 2 expansions, 2 findings>" == repr(make_report())


def test_a_dag_with_an_open_finding_has_failed() -> None:
    """A finding that nobody accepted counts like a failed check; an allowed one does not."""
    finding = Finding("DYN103", "sales", None, "depends on the clock")
    passed = CheckRecord("sales", "imports", "passed", "sales")
    report = SessionReport(checks=(passed,))

    assert "failed" == replace(report, findings=(FindingRecord(finding),)).status_of("sales")
    assert "passed" == replace(report, findings=(FindingRecord(finding, allowed="known"),)).status_of("sales")
    assert "unchecked" == report.status_of("other")


# -- what is hidden and shortened -----------------------------------------------------------------------------


def test_secrets_of_an_expansion_are_hidden() -> None:
    """What stands under a secret name is hidden there and wherever else it stands; nothing else is touched."""
    items = [{"password": "hunter22", "user": "ada"}, {"note": "hunter22 again"}]
    expansion = plan(SALES, Given.of({"list_regions": items}))

    data = hide_in_expansion(expansion)

    [load] = [task for task in data["tasks"] if task["task_id"] == "load"]
    assert [
        {"region": {"password": "***", "user": "ada"}},
        {"region": {"note": "*** again"}},
    ] == load["inputs"]


def test_secrets_written_in_a_dag_are_hidden() -> None:
    """A list of passwords in the DAG file keeps its length, and an argument called token its place."""
    task = Task(
        task_id="login",
        mapping=Product((("password", Literal(["one secret", "another"])),)),
        arguments={"token": "abcdef", "region": "eu"},
    )

    [hidden] = hide_in_structure(Structure("sales", (task,)))["tasks"]

    assert {"expand": [["password", {"$literal": ["***", "***"]}]]} == hidden["mapping"]
    assert {"token": "***", "region": "eu"} == hidden["arguments"]


def test_paths_begin_at_the_root() -> None:
    """Absolute paths below the root are shortened in every text; others stay."""
    data = {
        "file": "/home/me/project/dags/sales.py",
        "message": ["see /home/me/project/x.py", "/etc/passwd"],
        "n": 1,
    }

    assert {"file": "dags/sales.py", "message": ["see x.py", "/etc/passwd"], "n": 1} == shorten(
        data, Path("/home/me/project")
    )


# -- coverage -------------------------------------------------------------------------------------------------

FILES = Structure(
    "files",
    (
        Task(task_id="list_files"),
        Task(task_id="each.read", group_id="each", upstream=("list_files",)),
        Task(task_id="fixed", mapping=Product((("x", Literal([1, 2])), ("y", Literal([3]))))),
        Task(task_id="never", mapping=Product((("x", Literal([])),))),
    ),
    (Group("each", mapping=Product((("path", Output("list_files")),))),),
)


def see(*givens: Given) -> dict[str, tuple[str, ...]]:
    """Give what was seen of each owner in FILES."""
    covered = measure({"f": FILES}, [("f", plan(FILES, given)) for given in givens])
    return {one.owner: one.seen for one in covered}


def test_each_length_is_seen() -> None:
    """A group and a task count as seen with none, one and many instances."""
    empty, one, many = (Given.of({"list_files": ["a"] * n}) for n in (0, 1, 3))

    assert ("none",) == see(empty)["each"]
    assert ("one",) == see(one)["each"]
    assert ("none", "one", "many") == see(empty, one, many)["each"]


def test_ends_of_an_index_are_seen() -> None:
    """An index that fails and one that is skipped count; a task that is skipped as a whole does not."""
    given = Given.of({"list_files": ["a", "b"]}, {"each.read[0]": "failed", "fixed[1]": "skipped"})

    assert {"each": ("many", "failed"), "fixed": ("many", "skipped"), "never": ("none",)} == see(given)


def test_a_source_that_did_not_succeed_is_no_length_of_none() -> None:
    """What is not expanded because its source was skipped or failed has not been seen empty."""
    assert () == see(Given.of(states={"list_files": "skipped"}))["each"]
    assert () == see(Given.of(states={"list_files": "failed"}))["each"]


def test_only_what_can_be_is_wanted() -> None:
    """A list in the DAG file has one length; what has no instance cannot fail."""
    wanted = {one.owner: one.wanted for one in measure({"f": FILES}, [])}

    assert {
        "each": ("none", "one", "many", "failed", "skipped"),
        "fixed": ("many", "failed", "skipped"),
        "never": ("none",),
    } == wanted


def test_the_percentage_is_of_all_there_is_to_see() -> None:
    """Every sight counts the same; nothing mapped is all covered."""
    assert 100.0 == find_percent([])
    assert 25.0 == find_percent(
        [Covered("d", "a", ("none", "one", "many"), ("one",)), Covered("d", "b", ("none",), ())]
    )


# -- Markdown -------------------------------------------------------------------------------------------------


def test_markdown_as_a_whole() -> None:
    """The summary of a session reads as it should."""
    written = write_markdown(make_report())

    assert (Path(__file__).parent / "report.md").read_text(encoding="utf-8") == written


def test_code_spans_end_where_the_text_does() -> None:
    """Backticks, pipes and line breaks in a text do not end the span or the cell it stands in."""
    assert "`plain`" == code("plain")
    assert "`` a`b ``" == code("a`b")
    assert "``` ``x ```" == code("``x")
    assert "`a\\|b c`" == code("a|b\nc")
    assert "" == code("")


def test_code_blocks_end_where_the_text_does() -> None:
    """A fence in a text makes a longer fence around it."""
    assert ["````mermaid", "```", "````", ""] == block(["```"], "mermaid")


@pytest.mark.parametrize("text", HOSTILE)
def test_escaped_text_holds_no_markup(text: str) -> None:
    """What could begin markup is written so that it does not."""
    written = re.sub(r"\\.", "", escape(text))

    assert not set("<>`*_[]()#!|\n") & set(written)
    assert not set("<>\n") & set(escape_html(text))


def test_hostile_names_make_no_markup_in_markdown() -> None:
    """Outside of code no name from a DAG stands in the Markdown as it is."""
    written = write_markdown(make_report(NAMES_OF_HOSTILITY))
    blocks = re.sub(r"(?ms)^(`{3,})[a-z]*\n.*?^\1$", "", written)
    outside = re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", "", blocks)

    assert "<script" not in outside
    assert "<img" not in outside


# -- HTML -----------------------------------------------------------------------------------------------------


def read_data(page: str) -> tuple[str, object]:
    """Give the data in a page, as text and as read."""
    text = page.partition('<script type="application/json" id="report">')[2].partition("</script>")[0]
    return text, json.loads(text)


def test_a_page_holds_the_report() -> None:
    """The data in the page is the report's JSON."""
    report = make_report()

    _, data = read_data(write_page(report))

    assert json.loads(write_json(report)) == data


def test_nothing_in_the_data_can_end_its_element() -> None:
    """Whatever names a DAG has, no markup stands in the data, and the data says what it said, bare of what hides in it."""
    report = make_report(NAMES_OF_HOSTILITY)

    text, data = read_data(write_page(report))

    assert not set("<>&\u2028\u2029\u202e") & set(text)
    assert json.loads(write_json(report).replace("\\u202e", "\\\\u202e")) == data


def test_a_page_needs_nothing_else() -> None:
    """The page loads nothing, and its policy forbids it."""
    page = write_page(SessionReport())

    assert [] == re.findall(r"""(?:src|href)\s*=\s*["']?https?:|@import|url\(\s*["']?http""", page)
    assert "default-src &#39;none&#39;" in page.replace("'", "&#39;")


def test_a_page_stays_below_its_limit() -> None:
    """Inputs of very many instances are left out, their number and states are not."""
    report = make_wide(60_000, "x" * 120)

    text, data = read_data(write_page(report))

    assert len(text) <= LARGEST
    [record] = data["expansions"]  # type: ignore[index]
    load = record["expansion"]["tasks"][1]
    assert 60_000 == load["count"]
    assert 0 < len(load["inputs"]) < 60_000


def test_findings_keep_their_place() -> None:
    """A finding's record has the finding's own fields and the line as it reads."""
    finding = Finding("DYN103", "sales", Location("dags/sales.py", 3), "depends on the clock", "pin it")

    data = FindingRecord(finding, ("a",), "x = now()", None, "clock").to_dict()

    assert {
        "rule": "DYN103",
        "dag_id": "sales",
        "location": {"file": "dags/sales.py", "line": 3},
        "message": "depends on the clock",
        "remedy": "pin it",
        "nodeids": ["a"],
        "source": "x = now()",
        "allowed": None,
        "circumstance": "clock",
    } == data
