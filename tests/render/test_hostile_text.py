"""Text of DAGs, of whatever kind: in no form does it move the cursor, turn round, end a line or become markup."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest
from session_reports import SALES, label, make_report

from pytest_dynadag.graph.expansion import Expansion
from pytest_dynadag.graph.given import Given
from pytest_dynadag.graph.notebook import to_html
from pytest_dynadag.graph.planner import plan
from pytest_dynadag.graph.sources import Output, Product
from pytest_dynadag.printable import escape, escape_lines, shorten
from pytest_dynadag.render.markdown import write_markdown
from pytest_dynadag.render.page import write_page
from pytest_dynadag.render.report import write_json
from pytest_dynadag.render.snapshot import write_snapshot

HOSTILE = {
    "colour": "\x1b[31mred\x1b[0m",
    "title": "\x1b]0;owned\x07",
    "cursor": "gone\r\x08\x7f",
    "right to left": "\u202egnp.exe\u2066",
    "invisible": "a\u200bb\ufeffc\u2060",
    "lines": "one\ntwo\u2028three\x85four",
    "surrogate": "\ud800",
}
MARKUP = "</script><img src=x onerror=alert(1)>"


def hidden(text: str) -> list[str]:
    """Give what stands in *text* and does not show."""
    return [c for c in text if c != "\n" and unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]


def expansion_with(text: str) -> Expansion:
    """Plan a DAG in which *text* is an input's name, its value, and a label."""
    mapping = Product(((f"region{text}", Output("list_regions")),))
    tasks = tuple(replace(t, mapping=mapping) if t.task_id == "load" else t for t in SALES.tasks)
    return plan(replace(SALES, tasks=tasks), Given.of({"list_regions": [text, {text: [text]}]}))


FORMS: dict[str, Callable[[Expansion], str]] = {
    "text": Expansion.to_text,
    "mermaid": Expansion.to_mermaid,
    "notebook": to_html,
    "snapshot": write_snapshot,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("labelled", [False, True], ids=["inputs", "label"])
def test_nothing_hidden_is_in_an_expansion(form: str, text: str, *, labelled: bool) -> None:
    """Names, values and labels are written out, on as many lines as plain ones have."""
    plain, hostile = expansion_with("x"), expansion_with(text)
    if labelled:
        plain, hostile = label(plain, "x"), label(hostile, text)

    written = FORMS[form](hostile)

    assert [] == hidden(written)
    assert FORMS[form](plain).count("\n") == written.count("\n")


@pytest.mark.parametrize("write", [write_markdown, write_page, write_json], ids=["markdown", "page", "json"])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("place", ["dag", "region", "label", "message", "source", "file"])
def test_nothing_hidden_is_in_a_report(write: Callable[[Any], str], text: str, place: str) -> None:
    """Wherever the text comes from."""
    report = write(make_report({place: f"plain{text}"}))
    known = hidden(write(make_report()))

    assert known == hidden(report)
    assert report.encode()


@pytest.mark.parametrize("form", ["notebook", "mermaid"])
def test_markup_is_text(form: str) -> None:
    """In a notebook and in a flowchart."""
    assert "<img" not in FORMS[form](label(expansion_with(MARKUP), MARKUP))


@pytest.mark.parametrize(
    "value",
    [
        *(math.nan, math.inf, -math.inf, b"\xff\x00", datetime(2024, 1, 1, tzinfo=timezone.utc)),
        *({"a", "b"}, frozenset([1]), (1, 2), 10**400, 1j, object, ...),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_of_every_kind(value: Any) -> None:
    """What JSON does not have is given, shown in every form, and read back in a report by any reader of JSON."""
    expansion = plan(SALES, Given.of({"list_regions": [value, [value]]}))
    report = make_report()
    record = replace(report.expansions[0], expansion=expansion)

    for form in FORMS.values():
        assert form(expansion)
    json.loads(write_json(replace(report, expansions=(record,))), parse_constant=refuse)
    data = re.search(
        r"<script[^>]*json[^>]*>(.*?)</script>", write_page(replace(report, expansions=(record,))), re.DOTALL
    )
    assert data is not None
    json.loads(data[1], parse_constant=refuse)


def refuse(name: str) -> None:
    """Fail: *name* is one of the numbers that JSON does not have."""
    pytest.fail(f"{name} is no JSON")


def test_a_million_items() -> None:
    """Given and shown, folded, in every form that is for people."""
    expansion = plan(SALES, Given.of({"list_regions": ["x"] * 10**6}, max_map_length=10**6))

    assert 10**6 == expansion.counts["load"]
    assert len(expansion.to_text()) < 5_000
    assert len(expansion.to_mermaid()) < 5_000
    assert len(to_html(expansion)) < 10_000


def test_deep_nesting() -> None:
    """A list in a list in a list, a hundred times, is written in one line."""
    value: Any = "x"
    for _ in range(100):
        value = [value]

    for form in FORMS.values():
        assert form(plan(SALES, Given.of({"list_regions": [value]})))


class Unwilling:
    """An object that cannot be shown."""

    def __repr__(self) -> str:
        raise ValueError("no")


class Talkative:
    """An object that has much to say."""

    def __repr__(self) -> str:
        return "x" * 10**7


@pytest.mark.parametrize("value", [Unwilling(), Talkative()], ids=["unwilling", "talkative"])
def test_objects_that_do_not_show_themselves(value: Any) -> None:
    """They are written in bearable length all the same."""
    for form in FORMS.values():
        assert len(form(plan(SALES, Given.of({"list_regions": [value, value]})))) < 10_000


def test_what_is_printable_stays() -> None:
    """Letters of every alphabet, tabs and ends of lines."""
    assert "Ärger 日本 🙂" == escape("Ärger 日本 🙂")
    assert "a\tb\nc\\u001b" == escape_lines("a\tb\nc\x1b")
    assert ("abc", "ab... (3 characters)") == (shorten("abc", 3), shorten("abc", 2))
