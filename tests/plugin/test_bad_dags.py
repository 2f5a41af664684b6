"""What is shown about a DAG file that does not load: the whole message, as it appears on the terminal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from projects import write_into
from rim import SALES, message_about, run_in, write

Run = Callable[..., pytest.RunResult]
Shown = tuple[Path, pytest.RunResult]

BAD = {
    "syntax": (
        "from airflow import DAG\nx = (\n",
        """\
dags/syntax.py:2: DYN401 SyntaxError: '(' was never closed

  File "dags/syntax.py", line 2
    x = (
        ^
SyntaxError: '(' was never closed
more: pytest --dynadag-explain DYN401""",
    ),
    "exits": (
        "import sys\nfrom airflow import DAG\nsys.exit(3)\n",
        """\
dags/exits.py:3: DYN401 the file ends the process while it is loaded (SystemExit: 3)
  next: DAG files are imported: keep what is meant for the command line below `if __name__ == '__main__':`

  File "dags/exits.py", line 3, in <module>
    sys.exit(3)
SystemExit: 3
more: pytest --dynadag-explain DYN401""",
    ),
    "ends_the_process": (
        "import os\nfrom airflow import DAG\nprint('so far', flush=True)\nos._exit(7)\n",
        """\
dags/ends_the_process.py:1: DYN404 the process that loaded the file ended with exit code 7
  next: look for os._exit() in the file and in what it imports

it printed last:
  so far
more: pytest --dynadag-explain DYN404""",
    ),
    "is_killed": (
        "import os, signal\nfrom airflow import DAG\nos.kill(os.getpid(), signal.SIGKILL)\n",
        """\
dags/is_killed.py:1: DYN404 the process that loaded the file was ended by SIGKILL
  next: was it out of memory? Look at what the file loads or builds before its tasks run
more: pytest --dynadag-explain DYN404""",
    ),
    "hangs": (
        "import time\nfrom airflow import DAG\ndef wait():\n    time.sleep(600)\nwait()\n",
        """\
dags/hangs.py:4: DYN402 still loading after 5 s, and stopped
  next: move what waits (a request, a query, a sleep) into a task, or allow more with --dynadag-timeout SECONDS

it was here:
  File "dags/hangs.py", line 5 in <module>
  File "dags/hangs.py", line 4 in wait
more: pytest --dynadag-explain DYN402""",
    ),
    "lacks_a_provider": (
        "from airflow import DAG\nfrom airflow.providers.nobody.hooks import X\n",
        """\
dags/lacks_a_provider.py:2: DYN401 ModuleNotFoundError: No module named 'airflow.providers.nobody'
  next: pip install apache-airflow-providers-nobody

  File "dags/lacks_a_provider.py", line 2, in <module>
    from airflow.providers.nobody.hooks import X
ModuleNotFoundError: No module named 'airflow.providers.nobody'
more: pytest --dynadag-explain DYN401""",
    ),
    "namesake": (
        SALES,
        """\
dags/sales.py:22: DYN403 dag_id 'sales' is taken by dags/namesake.py:22: Airflow keeps one of the two, whichever it reads last
  next: give one of them another dag_id
more: pytest --dynadag-explain DYN403""",
    ),
}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> pytest.RunResult:
    """Load all of them in one session, with a DAG beside them that is sound."""
    folder = tmp_path_factory.mktemp("bad")
    write_into(folder, {f"dags/{name}.py": text for name, (text, _) in BAD.items()})
    write_into(folder, {"dags/sales.py": SALES})

    return run_in(folder, "--dynadag", "--dynadag-timeout", "5")


@pytest.mark.parametrize("name", BAD)
def test_the_whole_message(loaded: pytest.RunResult, name: str) -> None:
    """It says where, what and what next, in the user's files."""
    expected = BAD[name][1]

    title = f"{expected.partition('/')[2].partition(':')[0]}::imports"

    assert expected == message_about(loaded, title).rstrip()


def test_the_dag_beside_them_is_checked_as_ever(loaded: pytest.RunResult) -> None:
    """Each of them fails once; what loads, and each of the DAGs, passes."""
    loaded.assert_outcomes(failed=len(BAD), passed=3)


@pytest.fixture(scope="module")
def shown(way: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """Load a file that needs much, one that changes much, one with a slip and one that is sound; give where, too."""
    folder = tmp_path_factory.mktemp("shown")
    files = {
        "dags/much.py": "from airflow import DAG\nheld = bytearray(3 << 30)\n",
        "dags/patches.py": "import json\nfrom airflow import DAG\njson.loads = None\n",
        "dags/sales.py": SALES,
        "dags/slip.py": "from airflow import DAG\nx\n",
        "pytest.ini": "[pytest]\ndynadag_memory = 0.25GB\n",
    }
    write_into(folder, files)

    return folder, run_in(folder, "--dynadag", "--junit-xml=report.xml", *way)


def test_what_is_said_of_files_that_need_much_or_change_much(shown: Shown) -> None:
    """More memory than the ini file allows is a finding; a module of everybody's that is replaced is noted above."""
    folder, result = shown

    result.assert_outcomes(failed=2, passed=3)
    place = folder / "dags" / "patches.py"
    assert (
        f"dynadag: {place}:1: replaces json.loads while it is loaded; undone for other files"
        in result.outlines
    )
    assert (
        "DYN401 dags/much.py:2 the file runs out of memory while it is loaded (MemoryError)"
        in result.outlines
    )


def test_a_finding_stands_in_the_short_summary(shown: Shown) -> None:
    """The line that CI shows names the item and the finding, under xdist too; so does the end of our table."""
    _, result = shown

    assert (
        "FAILED dags/slip.py::imports - dags/slip.py:2: DYN401 NameError: name 'x' is not defined"
        in result.outlines
    )
    assert "DYN401 dags/slip.py:2 NameError: name 'x' is not defined" in result.outlines


def test_junit_carries_the_finding(shown: Shown) -> None:
    """A report for CI has the finding as its message, and our properties."""
    folder, _ = shown

    report = (folder / "report.xml").read_text()
    assert "message=\"dags/slip.py:2: DYN401 NameError: name 'x' is not defined\"" in report.replace(
        "&apos;", "'"
    )
    assert '<property name="dynadag_dag" value="sales" />' in report


def test_a_source_that_can_never_be_counted_fails_expands(pytester: pytest.Pytester, run: Run) -> None:
    """`expands` shows the finding at the line of the mapped task, with what to write instead."""
    text = (
        SALES.replace(
            "    report(load",
            "    @task_group\n    def each(region):\n        return load(region)\n\n    report.expand(loaded=each",
        )
        .replace("import DAG, task\n", "import DAG, task, task_group\n")
        .replace("import task\n", "import task, task_group\n")
    )
    write(pytester, **{"dags/sales.py": text})

    result = run("--dynadag")

    result.assert_outcomes(passed=1, failed=1)
    assert (
        message_about(result, "sales.py::sales::expands").rstrip()
        == """\
dags/sales.py:26: DYN303 report is mapped over each.load, which stands in a mapped group: its length never becomes known, so Airflow ends it upstream_failed
  next: collect the group's output in a plain task that returns one list, and map over that
  seen with list_regions=1, list_regions=2, list_regions=5
more: pytest --dynadag-explain DYN303"""
    )


def test_what_is_accepted_passes_and_is_shown(pytester: pytest.Pytester, run: Run) -> None:
    """Findings of a load, of sizes, of a case and of a test that the ini accepts fail nothing; the reasons are shown."""
    write(
        pytester,
        **{
            "dags/bad.py": "from airflow import DAG\nx\n",
            "dags/sales.py": MAKES_AN_OPERATOR,
            "dags/sales.dynadag.yaml": "cases:\n  runs:\n    run: true\n    expect: {state: success}\n",
            "tests/test_sales.py": "def test_sales(dynadag):\n    assert dynadag.run('sales').success\n",
        },
    )
    pytester.makeini(
        "[pytest]\ndynadag_allow =\n    DYN401 = moves next week\n    DYN201:sales.load = counts them only\n"
    )

    result = run("--dynadag", "dags", "tests", "-k", "not deterministic")

    result.assert_outcomes(passed=5, deselected=1)
    result.stdout.fnmatch_lines_random(
        [
            "accepted: DYN401 dags/bad.py:2: moves next week",
            "accepted: DYN201 dags/sales.py:10: counts them only",
        ]
    )


def test_what_a_test_accepts_is_shown_without_our_option(pytester: pytest.Pytester, run: Run) -> None:
    """A session of plain tests shows the reasons too."""
    write(
        pytester,
        **{
            "dags/sales.py": MAKES_AN_OPERATOR,
            "test_sales.py": "def test_sales(dynadag):\n    assert dynadag.run('sales').success\n",
        },
    )
    pytester.makeini("[pytest]\ndynadag_allow =\n    DYN201 = counts them only\n")

    result = run("test_sales.py")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["accepted: DYN201 dags/sales.py:10: counts them only"])


MAKES_AN_OPERATOR = """\
from datetime import datetime
from airflow import DAG
from airflow.decorators import task
from airflow.operators.bash import BashOperator

with DAG("sales", schedule=None, start_date=datetime(2024, 1, 1)) as dag:

    @task
    def load():
        BashOperator(task_id="more", bash_command="true", dag=dag)

    load()
"""
