"""The JSON Schema that editors check case files by: it says what the reader of case files says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pytest_dynadag.cases.casefile import CASE_KEYS, GIVEN_STATES, RUN_STATES, TASK_STATES, read_casefile
from pytest_dynadag.cases.document import CaseFileError, read_document

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "docs/schema/case-file.schema.json").read_text(encoding="utf-8"))
CASE = SCHEMA["$defs"]["case"]
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

_YAML = re.compile(r"^```yaml\n# (?:\S+\.dynadag\.yaml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ON_PAGES = [
    pytest.param(text, id=f"{page.stem}-{number}")
    for page in [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md"]
    for number, text in enumerate(_YAML.findall(page.read_text(encoding="utf-8")))
]
EXAMPLES = [
    pytest.param(file.read_text(encoding="utf-8"), id=file.name)
    for file in sorted((ROOT / "example_dags").rglob("*.dynadag.yaml"))
]

WRONG = {
    "no cases": "dag: sales\n",
    "empty cases": "cases: {}\n",
    "a key beside cases": "cases: {one: {}}\ncase: {}\n",
    "a key of a case": "cases: {one: {givn: {a: [1]}}}\n",
    "a case that is a list": "cases: {one: [1]}\n",
    "a case without a name": 'cases: {" ": {}}\n',
    "a dag that is a list": "dag: [sales]\ncases: {one: {}}\n",
    "given as a list": "cases: {one: {given: [1, 2]}}\n",
    "brackets that hold no index": 'cases: {one: {given: {"load[x]": 1}}}\n',
    "a state that cannot be given": "cases: {one: {states: {load: running}}}\n",
    "a list in the environment": "cases: {one: {env: {DEBUG: [1]}}}\n",
    "run: 1": "cases: {one: {run: 1}}\n",
    "at without run": "cases: {one: {at: 2024-05-01}}\n",
    "at that is no moment": "cases: {one: {at: noon, run: true}}\n",
    "an empty expectation": "cases: {one: {expect: {}}}\n",
    "the state of a plan": "cases: {one: {expect: {state: success}}}\n",
    "a state that a run does not have": "cases: {one: {run: true, expect: {state: skipped}}}\n",
    "a state that a task does not have": "cases: {one: {expect: {load: succes}}}\n",
    "fewer than no instances": "cases: {one: {expect: {load: -1}}}\n",
    "inputs of a whole task": "cases: {one: {expect: {load: {region: eu}}}}\n",
    "a number for an instance": 'cases: {one: {expect: {"load[0]": 2}}}\n',
    "an instance without an input": 'cases: {one: {expect: {"load[0]": {}}}}\n',
}


def load(text: str, folder: Path) -> tuple[Path, Any]:
    """Write a case file, and give its path and its data as the reader sees them."""
    path = folder / "sales.dynadag.yaml"
    path.write_text(text, encoding="utf-8")
    document = read_document(path)
    assert document is not None
    return path, document.value


def is_refused(path: Path) -> bool:
    """Tell whether the reader finds something wrong in the file, or in one of its cases."""
    try:
        return any(case.problems for case in read_casefile(path).cases)
    except CaseFileError:
        return True


def test_the_schema_is_one() -> None:
    """Editors understand it."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_schema_knows_the_keys_and_states_of_the_reader() -> None:
    """A key or a state that is added to one of them is missed in the other."""
    properties = CASE["properties"]

    assert list(CASE_KEYS) == list(properties)
    assert set(GIVEN_STATES) == set(properties["states"]["additionalProperties"]["enum"])
    assert set(TASK_STATES) == set(SCHEMA["$defs"]["state"]["enum"])
    assert set(RUN_STATES) == set(properties["expect"]["properties"]["state"]["anyOf"][1]["enum"])


@pytest.mark.parametrize("text", [*EXAMPLES, *ON_PAGES])
def test_both_agree_on_every_example(text: str, tmp_path: Path) -> None:
    """What stands in examples and on pages is valid for the schema where the reader takes it, and only there."""
    path, data = load(text, tmp_path)
    if is_refused(path):
        assert not VALIDATOR.is_valid(data)
    else:
        VALIDATOR.validate(data)


def test_examples_were_found() -> None:
    """The test above has something to do."""
    assert len(EXAMPLES) > 10
    assert len(ON_PAGES) > 10


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_wrong_for_both(text: str, tmp_path: Path) -> None:
    """What an editor underlines is what the reader refuses."""
    path, data = load(text, tmp_path)

    assert not VALIDATOR.is_valid(data)
    assert is_refused(path)
