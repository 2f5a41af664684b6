"""What a case file's YAML may hold, and how a file that cannot be read says so."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pytest_dynadag.cases.document import LARGEST_FILE, CaseFileError, Item, read_document


def read(folder: Path, text: str | bytes) -> Item | None:
    """Write *text* to a file and read it."""
    path = folder / "sales.dynadag.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_document(path)


def refusal(folder: Path, text: str | bytes) -> str:
    """Give the message with which *text* is refused, as if read from the file's own folder."""
    with pytest.raises(CaseFileError) as refused:
        read(folder, text)
    return str(refused.value).replace(f"{folder}/", "")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2024-05-01", "2024-05-01"),
        ("2024-05-01 06:00:00 +2", "2024-05-01 06:00:00 +2"),
        ("16:30", "16:30"),
        ("16:30:15.5", "16:30:15.5"),
        ("=", "="),
        ("1_000", 1000),
        ("0x10", 16),
        ("1.5", 1.5),
        ("~", None),
        ("yes", True),
        ("'yes'", "yes"),
        ("[1, {a: b}]", [1, {"a": "b"}]),
        ("{1: a, true: b}", {1: "b"}),
    ],
)
def test_values_are_plain_data(tmp_path: Path, written: str, expected: Any) -> None:
    """Scalars are what YAML 1.1 makes of them, except days and times, which stay as they are written."""
    item = read(tmp_path, f"value: {written}")

    assert item is not None
    assert {"value": expected} == item.value


def test_items_know_their_lines_and_what_was_written(tmp_path: Path) -> None:
    """Each key and value remembers where it stands, and a scalar its text."""
    item = read(tmp_path, "# a comment\na: 1\nb:\n  on: [x]\n")

    assert item is not None
    assert item.entries is not None
    [(a, one), (b, inner)] = item.entries
    assert inner.entries is not None
    [(on, listed)] = inner.entries
    assert [(2, "a"), (2, "1"), (3, "b"), (4, None)] == [(i.line, i.text) for i in (a, one, b, inner)]
    assert [(4, "on"), (4, None)] == [(i.line, i.text) for i in (on, listed)]


def test_an_empty_document_is_nothing(tmp_path: Path) -> None:
    """A file with only comments holds no item."""
    assert read(tmp_path, "# nothing yet\n") is None


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    """What some editors put in front of UTF-8 is left off."""
    item = read(tmp_path, b"\xef\xbb\xbfa: 1")

    assert item is not None
    assert {"a": 1} == item.value


def test_merged_mappings_give_way_to_what_is_written(tmp_path: Path) -> None:
    """Keys brought in by `<<` are replaced by the mapping's own; of several mappings the first wins."""
    item = read(tmp_path, "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*a, *b], x: 3}\nd: {<<: *b}\n")

    assert item is not None
    assert {"x": 3, "y": 1, "z": 2} == item.value["c"]
    assert {"y": 2, "z": 2} == item.value["d"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "cases:\n  one: {given: [\n",
            "sales.dynadag.yaml:3: not valid YAML: while parsing a flow node (line 3): "
            "expected the node content, but found '<stream end>'",
            id="unfinished",
        ),
        pytest.param(
            "cases:\n\tone: {}\n",
            "sales.dynadag.yaml:2: not valid YAML: while scanning for the next token: "
            "found character '\\t' that cannot start any token",
            id="tab",
        ),
        pytest.param(
            "cases:\n  one:\n    given: {}\n   run: true\n",
            "sales.dynadag.yaml:4: not valid YAML: while parsing a block mapping (line 2): "
            "expected <block end>, but found '<block mapping start>'",
            id="indentation",
        ),
        pytest.param(
            "cases:\n  one: {states: {load[1]: failed}}\n",
            "sales.dynadag.yaml:2: not valid YAML: while parsing a flow mapping (line 2): "
            "expected ',' or '}', but got '['\n"
            '  next: between { and }, write a key such as "load[0]" in quotes',
            id="instance key in braces",
        ),
        pytest.param(
            "a: 1\n---\nb: 2\n",
            "sales.dynadag.yaml:2: not valid YAML: expected a single document in the stream (line 1): "
            "but found another document",
            id="two documents",
        ),
        pytest.param(
            "a:\n  b: \x01\n",
            "sales.dynadag.yaml:2: not valid YAML: the character U+0001 is not allowed",
            id="control character",
        ),
        pytest.param(
            "a: 1\nb: é\n".encode("latin-1"),
            "sales.dynadag.yaml:2: the file is not UTF-8: the byte 0xe9 stands here\n  next: save it as UTF-8",
            id="not UTF-8",
        ),
        pytest.param(
            "a: " + "[" * 3000 + "]" * 3000,
            "sales.dynadag.yaml:1: lists or mappings are nested too deeply",
            id="depth",
        ),
        pytest.param(
            b"#" * (LARGEST_FILE + 100_000),
            "sales.dynadag.yaml:1: the file has 2.1 MB, but a case file has 2 MB at most\n"
            "  next: give large outputs in a Python test",
            id="size",
        ),
        pytest.param(
            "a: &a\n  b: *a\n",
            "sales.dynadag.yaml:1: an alias stands inside what it stands for",
            id="alias inside itself",
        ),
        pytest.param(
            "a: !!int abc\n", "sales.dynadag.yaml:1: 'abc' cannot be read as int", id="not what its tag says"
        ),
        pytest.param(
            f"a: {'9' * 10_000}\n",
            f"sales.dynadag.yaml:1: '{'9' * 80}... (10000 characters)' cannot be read as int",
            id="number of many digits",
        ),
        pytest.param(
            "a: !x%1B%5B31m 1\n",
            "sales.dynadag.yaml:1: the tag !x\\u001b[31m is not allowed; a case file holds plain data only",
            id="tag with a terminal's colour",
        ),
        pytest.param(
            "? [a]\n: 1\n", "sales.dynadag.yaml:1: a list cannot be a key; write a text", id="list as key"
        ),
        pytest.param(
            "a: {<<: 1}\n",
            "sales.dynadag.yaml:1: << takes an alias of a mapping, or a list of such aliases",
            id="merge of a number",
        ),
        pytest.param(
            "a: !!python/object/apply:os.system [ls]\nb: !mine x\nc: !!binary aGk=\n",
            "sales.dynadag.yaml: 3 problems\n"
            "  sales.dynadag.yaml:1: the tag !!python/object/apply:os.system is not allowed; "
            "a case file holds plain data only\n"
            "  sales.dynadag.yaml:2: the tag !mine is not allowed; a case file holds plain data only\n"
            "  sales.dynadag.yaml:3: the tag !!binary is not allowed; a case file holds plain data only",
            id="tags",
        ),
        pytest.param(
            "a: {x: 1,\n  x: 2}\na: 3\n",
            "sales.dynadag.yaml: 2 problems\n"
            "  sales.dynadag.yaml:2: the key 'x' stands in line 1 already; remove one of them\n"
            "  sales.dynadag.yaml:3: the key 'a' stands in line 1 already; remove one of them",
            id="equal keys",
        ),
    ],
)
def test_what_cannot_be_read_is_explained(tmp_path: Path, text: str | bytes, message: str) -> None:
    """A file that holds no plain YAML is refused with line, reason and, where it helps, the way out."""
    assert message == refusal(tmp_path, text)


def test_aliases_that_multiply_are_refused(tmp_path: Path) -> None:
    """A few lines that stand for millions of values are refused before they are built."""
    lines = ["a: &a [1, 2, 3, 4, 5, 6, 7, 8, 9]"]
    lines += [f"{here}: &{here} [{', '.join([f'*{before}'] * 9)}]" for before, here in pairwise("abcdefgh")]

    message = refusal(tmp_path, "\n".join(lines))

    expected = (
        "sales.dynadag.yaml:1: the document stands for more than 200,000 values\n"
        "  next: give large outputs in a Python test"
    )
    assert expected == message


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    """A pipe or a device might have no end."""
    path = tmp_path / "sales.dynadag.yaml"
    path.symlink_to("/dev/zero")

    with pytest.raises(CaseFileError) as refused:
        read_document(path)

    assert f"{path}:1: this is no file" == str(refused.value)


def test_numbers_that_json_does_not_have_are_read(tmp_path: Path) -> None:
    """YAML writes them with a dot."""
    item = read(tmp_path, "a: [.inf, -.inf]\nb: .nan\n")

    assert item is not None
    assert [math.inf, -math.inf] == item.value["a"]
    assert math.isnan(item.value["b"])


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    """A file that is not there is no traceback."""
    with pytest.raises(CaseFileError) as refused:
        read_document(tmp_path / "no.dynadag.yaml")

    expected = f"{tmp_path}/no.dynadag.yaml:1: the file cannot be read: No such file or directory"
    assert expected == str(refused.value)


def test_the_error_carries_its_problems(tmp_path: Path) -> None:
    """Path, lines and messages can be had without reading the text."""
    with pytest.raises(CaseFileError) as refused:
        read(tmp_path, "a: !x 1\n\nb: !y 2\n")

    assert tmp_path / "sales.dynadag.yaml" == refused.value.path
    assert [1, 3] == [problem.location.line for problem in refused.value.problems]
