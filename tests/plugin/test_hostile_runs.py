"""Tasks that hang, crash or leave threads in a test of the user's: the session ends by itself, and says what it was."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from projects import write_into
from rim import SALES, run_in, write

Run = Callable[..., pytest.RunResult]

TESTS = """\
def test_first(dynadag):
    assert dynadag.run("sales").success

def test_harm(dynadag):
    dynadag.run("sales", env={"HARM": "1"})

def test_last(dynadag):
    assert dynadag.run("sales").success
"""
IN_TIME = "import pytest\n\n" + TESTS.replace(
    "def test_harm", "@pytest.mark.timeout(3, method='thread')\ndef test_harm"
)
"""The harmful one with a limit; the first one loads all that there is to load."""
HARMS = {
    "hangs": "import time; time.sleep(600)",
    "hangs_in_c": "import ctypes; ctypes.CDLL(None).sleep(600)",
    "would_end": "os._exit(3)",
    "leaves_threads": (
        "import threading, time, concurrent.futures as f; "
        "threading.Thread(target=time.sleep, args=(600,)).start(); f.ThreadPoolExecutor().submit(time.sleep, 600)"
    ),
}
"""What a task does, by the name of its DAG."""
AMONG_OTHERS = """\
import pytest

def test_first(dynadag):
    assert dynadag.run("hangs").success

@pytest.mark.timeout(3, method="signal")
def test_hangs(dynadag):
    dynadag.run("hangs", env={"HARM": "1"})

@pytest.mark.timeout(3, method="signal")
def test_hangs_in_c(dynadag):
    dynadag.run("hangs_in_c", env={"HARM": "1"})

def test_would_end(dynadag):
    assert dynadag.run("would_end", env={"HARM": "1"}).success

def test_leaves_threads(dynadag):
    assert dynadag.run("leaves_threads", env={"HARM": "1"}).success

def test_last(dynadag):
    assert dynadag.run("hangs").success
"""


def harming(code: str) -> str:
    """Give a DAG file one of whose tasks does *code* where the environment asks for it."""
    return SALES.replace(
        'return ["eu", "us"]',
        f'import os\n        if "HARM" in os.environ:\n            {code}\n        return ["eu", "us"]',
    )


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> pytest.RunResult:
    """Run tests that are harmed in one session, without xdist; it ends by itself."""
    folder = tmp_path_factory.mktemp("harmed")
    dags = {f"dags/{name}.py": harming(code).replace('"sales"', repr(name)) for name, code in HARMS.items()}
    write_into(folder, {**dags, "test_it.py": AMONG_OTHERS})

    return run_in(folder, "test_it.py", "-p", "no:xdist")


def test_threads_that_a_task_leaves_do_not_keep_the_session(ended: pytest.RunResult) -> None:
    """Neither one of its own nor one of a pool; all that fails is what hangs or would end the process."""
    ended.assert_outcomes(passed=3, failed=3)


@pytest.mark.parametrize("name", ["hangs", "hangs_in_c"])
def test_a_hang_ends_the_test_by_a_signal(ended: pytest.RunResult, name: str) -> None:
    """pytest-timeout's own way: the test fails, and the next one runs."""
    ended.stdout.fnmatch_lines(
        [f"FAILED test_it.py::test_{name} - Failed: Timeout (>3.0s) from pytest-timeout."]
    )


def test_a_task_that_would_end_the_session(ended: pytest.RunResult) -> None:
    """It fails its run, and the message says where it stands."""
    ended.stdout.fnmatch_lines(
        [
            "  list_regions: ProcessEnded",
            "    os._exit(3) would have ended the process that runs the tests",
            "    at *dags/would_end.py:14",
        ]
    )


def test_a_hang_ends_the_session_by_a_thread(pytester: pytest.Pytester, run: Run) -> None:
    """pytest-timeout's other way ends the process: what keeps tasks from doing so lets it."""
    write(
        pytester,
        **{"dags/sales.py": harming("import time; time.sleep(600)"), "test_it.py": IN_TIME},
    )

    result = run("test_it.py", "-p", "no:xdist")

    assert 1 == result.ret
    assert "in list_regions" in result.stderr.str() + result.stdout.str()


def test_a_crash_under_xdist_costs_one_test(pytester: pytest.Pytester, run: Run) -> None:
    """The worker that ran it is replaced, and the test is named; without xdist nothing could be done."""
    write(pytester, **{"dags/sales.py": harming("import ctypes; ctypes.string_at(0)"), "test_it.py": TESTS})

    result = run("test_it.py", "-n", "2")

    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*worker 'gw*' crashed while running 'test_it.py::test_harm'"])


def test_a_case_whose_name_is_no_plain_text(pytester: pytest.Pytester, run: Run) -> None:
    """It is shown on one line, as it would be written in a program, and can be chosen by its plain parts."""
    cases = (
        'cases:\n  "\\e[31mred\\nand \\u202ewider":\n    given: {list_regions: [eu]}\n    expect: {load: 1}\n'
    )
    write(pytester, **{"dags/sales.py": SALES, "dags/sales.dynadag.yaml": cases})

    result = run("--dynadag", "dags", "-v", "-k", "wider")

    result.assert_outcomes(passed=1, deselected=3)
    result.stdout.fnmatch_lines([r"*sales::\u001b*31mred\u000aand \u202ewider PASSED*"])
    assert "\x1b" not in result.stdout.str()
