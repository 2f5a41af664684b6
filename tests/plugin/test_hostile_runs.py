"""Tasks that hang, crash or leave threads in a test of the user's: the session ends by itself, and says what it was."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rim import SALES, write

Run = Callable[..., pytest.RunResult]

TESTS = """\
def test_first(dynadag):
    assert dynadag.run("sales").success

def test_harm(dynadag):
    dynadag.run("sales", env={"HARM": "1"})

def test_last(dynadag):
    assert dynadag.run("sales").success
"""


def harming(code: str) -> str:
    """Give a DAG file one of whose tasks does *code* where the environment asks for it."""
    return SALES.replace(
        'return ["eu", "us"]',
        f'import os\n        if "HARM" in os.environ:\n            {code}\n        return ["eu", "us"]',
    )


def in_time(method: str) -> str:
    """Give the tests, the harmful one with a limit; the first one loads all that there is to load."""
    mark = f"@pytest.mark.timeout(3, method={method!r})"
    return "import pytest\n\n" + TESTS.replace("def test_harm", f"{mark}\ndef test_harm")


@pytest.mark.parametrize(
    "code", ["import time; time.sleep(600)", "import ctypes; ctypes.CDLL(None).sleep(600)"], ids=["", "in C"]
)
def test_a_hang_ends_the_test_by_a_signal(pytester: pytest.Pytester, run: Run, code: str) -> None:
    """pytest-timeout's own way: the test fails, and the next one runs."""
    write(pytester, **{"dags/sales.py": harming(code), "test_it.py": in_time("signal")})

    result = run("test_it.py", "-p", "no:xdist")

    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        ["FAILED test_it.py::test_harm - Failed: Timeout (>3.0s) from pytest-timeout."]
    )


def test_a_hang_ends_the_session_by_a_thread(pytester: pytest.Pytester, run: Run) -> None:
    """pytest-timeout's other way ends the process: what keeps tasks from doing so lets it."""
    write(
        pytester,
        **{"dags/sales.py": harming("import time; time.sleep(600)"), "test_it.py": in_time("thread")},
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


def test_threads_that_a_task_leaves_do_not_keep_the_session(pytester: pytest.Pytester, run: Run) -> None:
    """Neither one of its own nor one of a pool."""
    code = (
        "import threading, time, concurrent.futures as f; "
        "threading.Thread(target=time.sleep, args=(600,)).start(); f.ThreadPoolExecutor().submit(time.sleep, 600)"
    )
    write(pytester, **{"dags/sales.py": harming(code), "test_it.py": TESTS})

    run("test_it.py", "-p", "no:xdist").assert_outcomes(passed=3)


def test_a_task_that_would_end_the_session(pytester: pytest.Pytester, run: Run) -> None:
    """It fails its run, and the message says where it stands."""
    write(
        pytester,
        **{
            "dags/sales.py": harming("os._exit(3)"),
            "test_it.py": TESTS.replace('env={"HARM": "1"})', 'env={"HARM": "1"}).success or 1 / 0'),
        },
    )

    result = run("test_it.py", "-p", "no:xdist")

    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "  list_regions: ProcessEnded",
            "    os._exit(3) would have ended the process that runs the tests",
            "    at *dags/sales.py:14",
        ]
    )


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
