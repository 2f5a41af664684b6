"""What the packaging promises, compared with what is installed and pinned."""

from __future__ import annotations

import os
import re
import subprocess
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PINNED = sorted((ROOT / "constraints").glob("airflow-*.txt"))
ALL_PINNED = [*PINNED, ROOT / "constraints" / "docs.txt"]
REQUIREMENTS = [Requirement(line) for line in metadata.requires("pytest-dynadag") or ()]


def test_pytest_finds_the_plugin() -> None:
    """The entry point that pytest looks for leads to the hooks."""
    [found] = metadata.entry_points(group="pytest11", name="dynadag")

    assert "pytest_dynadag.plugin.hooks" == found.value


def test_each_requirement_has_a_lower_bound() -> None:
    """A resolver never goes back to a version that we have not thought of."""
    others = [wish for wish in REQUIREMENTS if canonicalize_name(wish.name) != "pytest-dynadag"]

    assert [] == [str(wish) for wish in others if ">=" not in str(wish.specifier)]


def test_each_airflow_has_its_pins() -> None:
    """Each version, and each on another Python, that `make constraints` resolves has its outcome, and the other way round."""
    wanted = {path.stem for path in (ROOT / "constraints").glob("airflow-*.in")}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    [others] = re.findall(r"^OTHER_PYTHONS := (.*)$", makefile, re.MULTILINE)

    assert wanted | {f"airflow-{cell}" for cell in others.split()} == {path.stem for path in PINNED}


@pytest.mark.parametrize("path", ALL_PINNED, ids=lambda path: path.stem)
def test_pins_are_names_and_versions_only(path: Path) -> None:
    """No address, no path and no option stands among the pins: where packages come from is the machine's affair."""
    lines = path.read_text(encoding="utf-8").splitlines()

    assert [] == [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==[a-z0-9.+]+", line)]


@pytest.mark.parametrize("path", ALL_PINNED, ids=lambda path: path.stem)
def test_pins_satisfy_what_we_require(path: Path) -> None:
    """A dependency added to pyproject.toml without `make constraints` is seen."""
    pins = dict(line.split("==") for line in path.read_text(encoding="utf-8").splitlines())
    extra = "dev" if path in PINNED else "docs"
    wishes = [wish for wish in REQUIREMENTS if wish.marker is None or wish.marker.evaluate({"extra": extra})]

    assert [] == [
        str(wish)
        for wish in wishes
        if canonicalize_name(wish.name) != "pytest-dynadag"
        and not wish.specifier.contains(pins.get(canonicalize_name(wish.name), "0"))
    ]


def test_a_python_that_is_missing_is_named(tmp_path: Path) -> None:
    """Where an environment cannot be made for want of an interpreter, make says which one, and how to name it."""
    own = {name: value for name, value in os.environ.items() if name not in {"PY", "PYTHON", "MAKEFLAGS"}}
    command = [
        "make",
        "-s",
        "setup",
        "PY=3.99",
        f"VENV={tmp_path}",
        "CONSTRAINTS=constraints/airflow-3.3.txt",
    ]

    done = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=False)

    assert 2 == done.returncode
    assert done.stderr.startswith(
        "no python3.99 on the PATH that starts; install Python 3.99, or say where it is: "
        "make PYTHON=/path/to/python\n"
    )


def test_the_wheel_has_the_texts_that_links_lead_to(tmp_path: Path) -> None:
    """The reference of the rules and the schema of case files are links in the package, and files in the wheel."""
    links = {"rules.md": "reference/rules.md", "case-file.schema.json": "schema/case-file.schema.json"}

    [wheel] = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])

    with zipfile.ZipFile(wheel) as archive:
        assert {name: (ROOT / "docs" / target).read_bytes() for name, target in links.items()} == {
            name: archive.read(f"pytest_dynadag/{name}") for name in links
        }
