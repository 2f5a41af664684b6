from __future__ import annotations

import re
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest
from projects import write_into
from rim import CASES, SALES, message_about, node_ids, run_in, write

Run = Callable[..., pytest.RunResult]

ITEMS = [
    "dags/sales.dynadag.yaml::sales::two regions",
    "dags/sales.dynadag.yaml::sales::nobody home",
    "dags/sales.py::imports",
    "dags/sales.py::sales::expands",
]


def test_items_have_stable_ids(project: pytest.Pytester, run: Run) -> None:
    """A DAG file gives `imports`, each DAG `expands`, each case an item of its own."""
    result = run("--dynadag", "dags", "--collect-only", "-q", "-p", "no:xdist")

    assert ITEMS == node_ids(result)


@pytest.fixture(scope="module")
def folder(way: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a DAG with its cases, one whose loads are counted, cases with a slip, and a file that ends its process."""
    folder = tmp_path_factory.mktemp("all")
    counts = f"open({str(folder / 'n')!r}, 'a').write('x')\n"
    files = {
        "dags/sales.py": SALES,
        "dags/sales.dynadag.yaml": CASES,
        "dags/counted.py": f"from airflow import DAG\n{counts}",
        "dags/slip.dynadag.yaml": "dag: sales\ncasses:\n  one:\n    given: {list_regions: []}\n",
        "dags/broken.py": "from airflow import DAG\nimport os\nos._exit(1)\n",
        "tmp/.keep": "",
    }
    write_into(folder, files)
    return folder


@pytest.fixture(scope="module")
def ended(folder: Path, way: tuple[str, ...]) -> pytest.RunResult:
    """Run the session."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TMPDIR", str(folder / "tmp"))
        return run_in(folder, "--dynadag", *way)


def test_all_of_a_sound_dag_passes(ended: pytest.RunResult) -> None:
    """A sound DAG passes, the same without xdist, in one process, and in two; what is broken fails, and no more."""
    ended.assert_outcomes(passed=5, failed=2)
    ended.stdout.fnmatch_lines(["*what the DAGs become*", "sales*2 passed*load <- list_regions"])


def test_workers_share_one_generation(ended: pytest.RunResult, folder: Path) -> None:
    """Each DAG file is loaded once, however many workers there are."""
    assert ended.outlines
    assert "x" == (folder / "n").read_text()


def test_a_malformed_case_file_is_one_failing_item(ended: pytest.RunResult) -> None:
    """Its message is that of the case file's reader, with file and line and without a traceback."""
    message = message_about(ended, "slip.dynadag.yaml::cases")

    assert message.startswith("dags/slip.dynadag.yaml: 2 problems")
    assert "dags/slip.dynadag.yaml:2: there is no key 'casses'; did you mean 'cases'?" in message
    assert "Traceback" not in message


def test_nothing_is_left_behind(ended: pytest.RunResult, folder: Path) -> None:
    """The session's folder is removed at the end, also after failures, and the project gets no file of ours."""
    assert ended.outlines
    assert [] == [path.name for path in (folder / "tmp").glob("dynadag-*")]
    assert [] == [
        path.name for path in (folder / "dags").rglob("*") if path.suffix in {".db", ".cfg", ".json"}
    ]


def test_lf_runs_what_failed(ended: pytest.RunResult, folder: Path, way: tuple[str, ...]) -> None:
    """`--lf` knows the items of one session in the next."""
    ended.assert_outcomes(passed=5, failed=2)

    result = run_in(folder, "--dynadag", "--lf", *way)

    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["FAILED dags/broken.py::imports*"])


def test_a_dag_that_is_never_the_same_is_collected_alike(pytester: pytest.Pytester, run: Run) -> None:
    """Workers collect what the record says, although another parse would give another DAG."""
    text = "import uuid\nfrom airflow import DAG\nwith DAG(f'dag_{uuid.uuid4().hex}', schedule=None): pass\n"
    write(pytester, **{"dags/random.py": text})

    run("--dynadag", "-n", "2").assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("dags/sales.py", ITEMS[2:]),
        ("dags/sales.dynadag.yaml", ITEMS[:2]),
        ("dags/sales.py::sales::expands", ITEMS[3:]),
        ("dags/sales.dynadag.yaml::sales::nobody home", ITEMS[1:2]),
        ("dags/sales.py::sales", ITEMS[3:]),
    ],
)
def test_files_and_ids_select(project: pytest.Pytester, run: Run, argument: str, expected: list[str]) -> None:
    """What is named on the command line is collected, and nothing else."""
    assert expected == node_ids(run("--dynadag", argument, "--collect-only", "-q"))


def test_k_selects_by_dag(project: pytest.Pytester, run: Run) -> None:
    """`-k` finds a DAG by its id, and the table shows what was checked."""
    write(project, **{"dags/stock.py": SALES.replace("sales", "stock")})

    result = run("--dynadag", "-k", "stock and expands")

    result.assert_outcomes(passed=1, deselected=7)
    result.stdout.fnmatch_lines(["DAG *", "stock *"])
    result.stdout.no_fnmatch_line("sales *")


def test_dag_files_are_not_imported_as_tests(project: pytest.Pytester, run: Run) -> None:
    """A DAG file that the command line names is not imported by pytest, nor Airflow with it."""
    write(
        project,
        **{
            "conftest.py": "import sys\ndef pytest_sessionfinish():\n    print('airflow' in sys.modules, 'sales' in sys.modules)\n"
        },
    )

    result = run("--dynadag", "dags/sales.py", "-s")

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*False False*"])


def test_plain_tests_beside_dags_run_as_ever(project: pytest.Pytester, run: Run) -> None:
    """Test files in a DAG folder are collected by pytest, and not loaded as DAG files."""
    write(project, **{"dags/test_sales.py": "dag_of_airflow = 1\ndef test_it(): pass\n"})

    result = run("--dynadag", "dags", "--collect-only", "-q")

    assert [*ITEMS, "dags/test_sales.py::test_it"] == node_ids(result)


def test_a_file_can_be_dag_and_test(project: pytest.Pytester, run: Run) -> None:
    """Where `python_files` matches a DAG file, pytest collects its tests as well."""
    write(project, **{"dags/sales.py": SALES + "\n\ndef test_beside(): pass\n"})

    result = run("--dynadag", "dags", "--collect-only", "-q", "-o", "python_files=*.py")

    assert [*ITEMS, "dags/sales.py::test_beside"] == sorted(node_ids(result), key=lambda x: "beside" in x)


def test_packages_of_dags_are_not_imported(pytester: pytest.Pytester, run: Run) -> None:
    """A folder of DAG files that is a package is taken for a plain folder, and so are those around it."""
    bang = "raise RuntimeError('imported')\n"
    write(pytester, **{"a/__init__.py": bang, "a/dags/__init__.py": bang, "a/dags/sales.py": SALES})

    run("--dynadag", "a/dags").assert_outcomes(passed=2)


def test_airflows_own_examples_are_collected(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The whole folder of the installed Airflow loads and expands.

    What fails is said to lack a package, or a plugin: those of the examples are registered with the examples only.
    """
    folder = Path(pytest.importorskip("importlib.util").find_spec("airflow").origin).parent / "example_dags"
    monkeypatch.setenv("COLUMNS", "1000")  # whole lines

    result = run("--dynadag", str(folder), "--rootdir", str(folder.parents[1]), "-p", "no:cacheprovider")

    outcomes = result.parseoutcomes()
    assert outcomes["passed"] > 100
    assert {"passed"} >= set(outcomes) - {"failed", "warnings", "deselected"}
    lacking = r"DYN401 ModuleNotFoundError|DYN406 .*(Unknown priority strategy|is not registered)"
    refuses_while_loading = metadata.version("apache-airflow").startswith(("3.0.", "3.1."))
    if refuses_while_loading:
        lacking += "|DYN401 ValueError: Unknown priority strategy"
    failed = [line for line in result.outlines if line.startswith("FAILED")]
    assert [] == [line for line in failed if not re.search(lacking, line)]
    assert outcomes.get("failed", 0) == len(failed) < 3


def test_what_airflowignore_leaves_out_has_no_cases(project: pytest.Pytester, run: Run) -> None:
    """The cases of a DAG file that is left out are left out with it."""
    write(project, **{"dags/.airflowignore": "sales.*\n", "dags/other.py": SALES})

    result = run("--dynadag", "dags", "--collect-only", "-q")

    assert ["dags/other.py::imports", "dags/other.py::sales::expands"] == node_ids(result)


def test_a_wrong_case_fails_alone(project: pytest.Pytester, run: Run) -> None:
    """It says what is wrong in it, with file and line; the other cases of the file are checked."""
    write(project, **{"dags/sales.dynadag.yaml": f"{CASES}  one:\n    gives: {{list_regions: []}}\n"})

    result = run("--dynadag")

    result.assert_outcomes(passed=4, failed=1)
    message = message_about(result, "sales.dynadag.yaml::sales::one")
    assert message.startswith("dags/sales.dynadag.yaml:9: case 'one': there is no key 'gives'")
    assert "Traceback" not in message


NEEDS = f"from airflow.models import Variable\n\nVariable.get('regions')\n{SALES}"
GIVES = """\
cases:
  given: {variables: {regions: eu}, given: {list_regions: [eu]}, expect: {load: 1}}
  run: {variables: {regions: eu}, run: true, expect: {load: 2, state: success}}
  not given: {given: {list_regions: [eu]}}
  another: {variables: {region: eu}, expect: {load: 1}}
"""


@pytest.mark.parametrize("dag", ["", "dag: sales\n"], ids=["beside", "named"])
def test_a_case_may_give_what_the_file_needs_to_load(project: pytest.Pytester, run: Run, dag: str) -> None:
    """Such a case holds, though the file does not load by itself; the others say why they cannot be tried."""
    write(project, **{"dags/sales.py": NEEDS, "dags/sales.dynadag.yaml": dag + GIVES})

    result = run("--dynadag", "dags")

    result.assert_outcomes(passed=2, failed=3)  # imports, and the two cases that do not give it
    assert "dags/sales.py could not be loaded\n  next: see dags/sales.py::imports" in message_about(
        result, "sales.dynadag.yaml::cases"
    )
    message = message_about(result, "sales.dynadag.yaml::sales::another")
    assert "case gives, the file does not load either\n  dags/sales.py:3: " in message
    assert "Variable 'regions' is not there while the file is loaded" in message


def test_cases_of_a_file_that_ended_its_process_are_not_tried(project: pytest.Pytester, run: Run) -> None:
    """What they give does not let it into the process of the tests."""
    write(project, **{"dags/sales.py": f"import os\nos._exit(3)\n{SALES}", "dags/sales.dynadag.yaml": GIVES})

    result = run("--dynadag", "dags")

    result.assert_outcomes(failed=2)


def test_cases_of_a_file_that_does_not_load_point_to_it(project: pytest.Pytester, run: Run) -> None:
    """Nobody is told that a DAG does not exist when its file could not be loaded."""
    write(project, **{"dags/sales.py": "from airflow import DAG\nx\n"})

    result = run("--dynadag", "dags")

    result.assert_outcomes(failed=2)
    expected = (
        "dags/sales.dynadag.yaml:1: dags/sales.py could not be loaded\n  next: see dags/sales.py::imports"
    )
    assert expected == message_about(result, "sales.dynadag.yaml::cases").rstrip()


def test_a_case_that_fails_says_why_without_a_traceback(project: pytest.Pytester, run: Run) -> None:
    """A failing case shows its place in the case file, and the table counts it."""
    write(project, **{"dags/sales.dynadag.yaml": CASES.replace("load: 2", "load: 3")})

    result = run("--dynadag", "dags")

    result.assert_outcomes(passed=3, failed=1)
    message = message_about(result, "sales.dynadag.yaml::sales::two regions")
    assert "dags/sales.dynadag.yaml:4" in message
    assert "pytest_dynadag" not in message
    result.stdout.fnmatch_lines(["sales*1 passed, 1 failed*"])
