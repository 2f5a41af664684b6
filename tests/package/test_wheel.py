"""What users get: source distribution and wheel, built from the checkout, and the wheel installed alone."""

# Alone means: in an environment of its own, where the package comes from the wheel and all else, Airflow too, from the
# environment that runs the tests. That one is named in a .pth file, whose paths are searched while the .pth files that
# stand there, the one that leads to the checkout among them, are not read. It takes seconds and needs no network.

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import lean
import pytest
import uv

import pytest_dynadag

ROOT = Path(__file__).parents[2]
PYTHON = sys.executable
VERSION = "0.1.0"
DATA = {"py.typed", "rules.md", "case-file.schema.json", "render/page.html"}


def run_command(*command: str | Path, folder: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command in *folder*, with nothing of the session that runs the tests in its environment."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("AIRFLOW", "PYTEST", "PYTHON", "COV_"))}
    done = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env={**kept, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the source distribution, and the wheel from that rather than from the checkout."""
    folder = tmp_path_factory.mktemp("dist")
    options = ["--offline", "--no-build-isolation", "--no-config", "--python", PYTHON]
    run_command(uv.find_uv_bin(), "build", *options, "--out-dir", folder, ROOT, folder=folder)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    """Give the wheel; there is one."""
    [wheel] = built.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an environment with the wheel in it; give its interpreter."""
    folder = tmp_path_factory.mktemp("alone") / "venv"
    run_command(uv.find_uv_bin(), "venv", "--offline", "--no-config", "--python", PYTHON, folder, folder=ROOT)
    python = folder / "bin" / "python"
    options = ["--offline", "--no-config", "--no-index", "--no-deps", "--python", python]
    run_command(uv.find_uv_bin(), "pip", "install", *options, wheel, folder=ROOT)
    [site] = folder.glob("lib/python*/site-packages")
    site.joinpath("rest.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def test_the_wheel_has_the_package_and_nothing_else(wheel: Path) -> None:
    """Every module of the checkout and its data are in the wheel; tests, examples and caches are not."""
    package = Path(pytest_dynadag.__file__).parent
    modules = {path.relative_to(package).as_posix() for path in package.rglob("*.py")}

    with zipfile.ZipFile(wheel) as archive:
        names = [PurePosixPath(name) for name in archive.namelist()]

    assert modules | DATA == {"/".join(n.parts[1:]) for n in names if n.parts[0] == "pytest_dynadag"}
    assert {"pytest_dynadag", f"pytest_dynadag-{VERSION}.dist-info"} == {name.parts[0] for name in names}


def test_the_wheel_says_how_pytest_finds_it_and_what_it_needs(wheel: Path) -> None:
    """The entry point, the licence and the requirements are in the wheel; Airflow is not required."""
    with zipfile.ZipFile(wheel) as archive:
        info = f"pytest_dynadag-{VERSION}.dist-info"
        entry = archive.read(f"{info}/entry_points.txt").decode()
        told = archive.read(f"{info}/METADATA").decode().splitlines()
        licence = archive.read(f"{info}/licenses/LICENSE")

    needed = [line for line in told if line.startswith("Requires-Dist: ") and "extra ==" not in line]
    assert "[pytest11]\ndynadag = pytest_dynadag.plugin.hooks\n" == entry
    assert {"cryptography", "filelock", "freezegun", "pytest", "pyyaml", "syrupy"} == {
        line.removeprefix("Requires-Dist: ").partition(">=")[0] for line in needed
    }
    assert ROOT.joinpath("LICENSE").read_bytes() == licence


def test_the_source_distribution_has_what_tests_need(built: Path) -> None:
    """Whoever packages it for a distribution can run the suite; no cache and no environment is in it."""
    [source] = built.glob("*.tar.gz")

    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    wanted = {"Makefile", "tests/lean.py", "example_dags/sales.py", "benchmarks/figures.py"}
    assert {"pyproject.toml", "conftest.py", *wanted} <= names
    assert set() == {
        name for name in names if "__pycache__" in name or name.startswith((".venv", "build/", "page/node"))
    }


def test_importing_the_package_loads_nothing_else(python: Path, tmp_path: Path) -> None:
    """Neither pytest nor any other library comes with the package: only the standard library."""
    program = (
        "import sys, json; before = set(sys.modules); import pytest_dynadag\n"
        "print(json.dumps([pytest_dynadag.__file__, sorted(set(sys.modules) - before)]))"
    )

    file, loaded = json.loads(run_command(python, "-c", program, folder=tmp_path).stdout)

    assert Path(file).is_relative_to(python.parents[1])
    allowed = {"pytest_dynadag", *sys.stdlib_module_names}
    assert [] == [name for name in loaded if name.partition(".")[0] not in allowed]


def test_the_wheel_alone_checks_the_examples(python: Path, tmp_path: Path) -> None:
    """Checks, cases, a real run, snapshots and a report work without the checkout."""
    shutil.copytree(ROOT / "example_dags", tmp_path / "dags")
    options = ["-p", "no:cacheprovider", *lean.OPTIONS, "--dynadag", "--dynadag-report", "report.html"]
    options += ["--dynadag-seeds", "2"]

    done = run_command(
        python,
        "-m",
        "pytest",
        *options,
        "-k",
        "sales or mapped_task_group",
        "dags",
        folder=tmp_path,
        check=False,
    )

    assert 0 == done.returncode, done.stdout + done.stderr
    assert "dags/sales.py" in done.stdout
    assert " failed" not in done.stdout
    assert "<title>" in tmp_path.joinpath("report.html").read_text()


def test_the_wheel_alone_explains_rules_and_sees_itself(python: Path, tmp_path: Path) -> None:
    """The reference comes with the wheel, and the doctor finds the distribution and all that it needs."""
    explained = run_command(python, "-m", "pytest", "--dynadag-explain", "DYN102", folder=tmp_path)
    tmp_path.joinpath("dags").mkdir()
    shutil.copy(ROOT / "example_dags" / "sales.py", tmp_path / "dags")
    seen = run_command(python, "-m", "pytest", "--dynadag-doctor", folder=tmp_path, check=False)

    assert explained.stdout.startswith("## DYN102: ")
    assert 0 == seen.returncode, seen.stdout + seen.stderr
    assert f"pytest-dynadag {VERSION}" in seen.stdout
