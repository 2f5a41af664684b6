"""What `make matrix` has seen: read from pytest's own report, and told on the page of versions."""

from __future__ import annotations

import json
import platform
import re
import runpy
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
MATRIX = runpy.run_path(str(ROOT / "docs" / "matrix.py"))
CELLS: list[dict[str, Any]] = json.loads(MATRIX["SEEN"].read_text(encoding="utf-8"))

JUNIT = """\
<testsuites><testsuite errors="{errors}" failures="0" skipped="2" tests="{tests}" timestamp="2026-11-23T08:00:00">
<testcase name="a"/><testcase name="b"><skipped message="not here"/></testcase>
<testcase name="c"><skipped message="not here"/></testcase></testsuite></testsuites>
"""


def make_cell(airflow: str, python: str, **others: Any) -> dict[str, Any]:
    """Make what was seen of a version."""
    seen = {"requires_python": ">=3.10", "tests": [], "passed": 3, "skipped": {}, "on": "2026-11-23"}
    return {"airflow": airflow, "python": python, **seen, **others}


def test_the_page_says_what_was_seen() -> None:
    """The table of versions is the one that docs/matrix.json gives."""
    page = MATRIX["PAGE"].read_text(encoding="utf-8")

    assert MATRIX["rewrite"](page, CELLS) == page
    assert MATRIX["tell"](CELLS) in page


def test_what_was_seen_is_what_is_set_up() -> None:
    """Each version that was seen has its pins, and everything was tested of those alone that CI tests so."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    [default] = re.findall(r"^DEFAULT_AIRFLOW := (\S+)", makefile, re.MULTILINE)
    others = re.findall(r"^step make test AIRFLOW=(\S+)", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    pins = {path.stem.removeprefix("airflow-") for path in (ROOT / "constraints").glob("airflow-*.txt")}

    seen = {_name(cell): cell for cell in CELLS}
    assert set() == set(seen) - pins
    assert set() == {name for name, cell in seen.items() if not cell["tests"]} - {default, *others}


def _name(cell: dict[str, Any]) -> str:
    airflow, python = (".".join(cell[part].split(".")[:2]) for part in ("airflow", "python"))
    return airflow if python == "3.11" else f"{airflow}-py{python}"


def test_the_package_names_the_pythons_that_were_seen() -> None:
    """The classifiers, by which users find out, name each Python of the table and no other."""
    named = re.findall(r"Python :: (3\.\d+)\b", (ROOT / "pyproject.toml").read_text(encoding="utf-8"))

    assert {".".join(cell["python"].split(".")[:2]) for cell in CELLS} == set(named)


def test_a_cell_is_what_pytest_reports(tmp_path: Path) -> None:
    """What passed, what was skipped and why, and when, is pytest's report; versions are those of the environment."""
    junit = tmp_path / "cell.xml"
    junit.write_text(JUNIT.format(tests=3, errors=0))

    cell = MATRIX["read_cell"](junit, ["tests/run", "tests/graph"])

    assert {
        "airflow": metadata.version("apache-airflow"),
        "requires_python": metadata.metadata("apache-airflow")["Requires-Python"],
        "python": platform.python_version(),
        "tests": ["run", "graph"],
        "passed": 1,
        "skipped": {"not here": 2},
        "on": "2026-11-23",
    } == cell


@pytest.mark.parametrize(("tests", "errors"), [(2, 0), (3, 1)])
def test_nothing_is_said_of_what_failed(tmp_path: Path, tests: int, errors: int) -> None:
    """A session in which a test failed, or none ran, makes no row."""
    junit = tmp_path / "cell.xml"
    junit.write_text(JUNIT.format(tests=tests, errors=errors))

    with pytest.raises(ValueError, match="not all passed, or nothing ran"):
        MATRIX["read_cell"](junit, [])


def test_a_newer_patch_takes_the_place_of_an_older_one() -> None:
    """There is one row for each series of Airflow on each Python, in the order of their numbers."""
    cells = [make_cell("3.3.2", "3.9.1"), make_cell("3.3.2", "3.11.7")]

    found = MATRIX["enter"](make_cell("3.3.3", "3.11.8"), [*cells, make_cell("3.10.0", "3.11.7")])

    assert [("3.3.2", "3.9.1"), ("3.3.3", "3.11.8"), ("3.10.0", "3.11.7")] == [
        (cell["airflow"], cell["python"]) for cell in found
    ]


def test_the_table_says_why_tests_were_skipped() -> None:
    """Each reason stands once, with the versions of Airflow that it concerns."""
    first = make_cell("3.0.6", "3.11.7", tests=["run", "graph"], skipped={"too old": 2})

    told = MATRIX["tell"]([first, make_cell("3.3.2", "3.12.1"), make_cell("3.3.2", "3.13.0")])

    assert (
        "| Airflow | Python | tested with | passed | skipped | on | Python it asks for |\n"
        "| --- | --- | --- | --- | --- | --- | --- |\n"
        "| 3.0.6 | 3.11.7 | run, graph | 3 | 2 | 2026-11-23 | `>=3.10` |\n"
        "| 3.3.2 | 3.12.1 | everything | 3 | 0 | 2026-11-23 | `>=3.10` |\n"
        "| 3.3.2 | 3.13.0 | everything | 3 | 0 | 2026-11-23 | `>=3.10` |\n"
        "\n"
        "Why tests were skipped, and on which Airflow:\n"
        "\n"
        "- too old (3.0.6)\n"
    ) == told
