"""Tasks that would end the tests, or change the process for whoever comes next: both engines contain them."""

from __future__ import annotations

import json
import os
import signal
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_dynadag.bridge.home import airflow_version
from pytest_dynadag.bridge.loading import bridge
from pytest_dynadag.run.engines.capture import MOST
from pytest_dynadag.run.engines.dag_test import run_with_dag_test
from pytest_dynadag.run.engines.direct import run_directly
from pytest_dynadag.run.observation import Observation
from pytest_dynadag.run.runner import run_dag

LoadDag = Callable[[str], Any]
ENGINES = {"direct": run_directly, "airflow": run_with_dag_test}

ENDS = {
    "aborts": ("os.abort()", "os.abort() would have ended the process that runs the tests"),
    "ends": ("os._exit(3)", "os._exit(3) would have ended the process that runs the tests"),
    "interrupts": (
        "os.kill(os.getpid(), signal.SIGINT)",
        f"os.kill({os.getpid()}, SIGINT) would have ended the process that runs the tests",
    ),
    "interrupts_parent": (
        "os.kill(os.getppid(), signal.SIGTERM)",
        f"os.kill({os.getppid()}, SIGTERM) would have ended the process that runs the tests",
    ),
    "kills": (
        "os.kill(os.getpid(), signal.SIGKILL)",
        f"os.kill({os.getpid()}, SIGKILL) would have ended the process that runs the tests",
    ),
    "recurses": ("def f(): f()\nf()", "maximum recursion depth exceeded"),
    "stops": (
        "try:\n    os._exit(0)\nexcept Exception:\n    pass",
        "os._exit(0) would have ended the process that runs the tests",
    ),
}
"""Tasks that fail: the code, and what is said."""

CHANGES = {
    "changes_environment": "os.environ['HOSTILE'] = '1'\nos.environ.pop('PATH')",
    "changes_folder": "os.chdir('/')",
    "changes_path": "sys.path.insert(0, '/hostile')",
    "closes_streams": "os.close(0)\nos.close(1)\nos.close(2)",
    "deletes_folder": "import tempfile\nos.chdir(tempfile.mkdtemp())\nos.rmdir(os.getcwd())",
    "floods": "for _ in range(40): print('x' * 1_000_000)\nprint('the end')",
    "forks": "if os.fork() == 0: held = 'the child goes on'\nelse: os.wait()",
    "forks_and_raises": "if os.fork() == 0: raise SystemExit(3)\nelse: os.wait()",
    "forks_and_ends": "if os.fork() == 0: os._exit(3)\nassert os.waitstatus_to_exitcode(os.wait()[1]) == 3",
    "handles_its_own_signal": "signal.signal(signal.SIGUSR1, lambda *_: None)\nos.kill(os.getpid(), signal.SIGUSR1)",
    "ignores_signals": "for n in (signal.SIGINT, signal.SIGTERM): signal.signal(n, signal.SIG_IGN)",
    "patches_builtins": "import builtins\nbuiltins.print = builtins._ = None",
    "patches_datetime": "import datetime\nkept, datetime.timedelta = datetime.timedelta, None",
    "patches_random": "import random\nrandom.random = lambda: 0.5",
    "patches_json": "import json\njson.JSONEncoder.default = lambda *_: 'patched'",
    "sends_nothing": "os.kill(os.getpid(), 0)",
    "starts_pool": "from concurrent.futures import ThreadPoolExecutor\nThreadPoolExecutor(1).submit(time.sleep, 600)",
    "starts_thread": "threading.Thread(target=time.sleep, args=(600,)).start()",
}
"""Tasks that succeed."""

USED_BY_AIRFLOW = {
    ("3.0.", "patches_datetime"): "3.0 counts with datetime.timedelta",
    ("3.2.", "patches_builtins"): "3.2 prints (models/taskinstance.py, register_asset_changes_in_db)",
}
"""What a version of Airflow itself cannot do without, after the task."""

WITNESS = """\
import builtins, datetime, json, random
assert "HOSTILE" not in os.environ and os.environ["PATH"] and os.getcwd() == FOLDER and "/hostile" not in sys.path
assert print and not hasattr(builtins, "_") and datetime.timedelta(1) and random.random() != random.random()
try:
    json.dumps(object())
except TypeError:
    pass
else:
    raise AssertionError("patched")
"""


def write_dag(tasks: dict[str, str], folder: str) -> str:
    """Write a DAG with the tasks, each followed by one that looks round."""
    lines = [
        "import os, signal, sys, threading, time",
        f"FOLDER = {folder!r}",
        'with DAG("hostile", **START):',
    ]
    for name, body in tasks.items():
        for task_id, code in ((name, body), (f"{name}_then", WITNESS)):
            lines += [
                "    @task",
                f"    def {task_id}():",
                textwrap.indent(code, " " * 8),
                f"    {task_id}()",
            ]
    return "\n".join(lines)


@pytest.fixture(scope="module", params=ENGINES)
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Observation:
    """Run all of them in one DAG, with one engine."""
    from header import HEADER

    from pytest_dynadag.bridge.loading import load_file

    tasks = {**{name: code for name, (code, _) in ENDS.items()}, **CHANGES}
    file = tmp_path_factory.mktemp("hostile") / "dags.py"
    file.write_text(HEADER + write_dag(tasks, str(Path.cwd())), encoding="utf-8")
    loaded = load_file(file)
    assert {} == dict(loaded.errors)
    # What a shell starts in the background ignores Ctrl-C, this suite included.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return ENGINES[request.param](loaded.dags["hostile"])
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("name", ENDS)
def test_what_would_end_the_tests_fails_the_task(seen: Observation, name: str) -> None:
    """It says what the task did, and where."""
    error = seen.errors[name, -1]

    assert "failed" == seen.states[name]
    assert error.message.startswith(ENDS[name][1])
    assert error.location is not None
    assert error.location.file.endswith("dags.py")


@pytest.mark.parametrize("name", CHANGES)
def test_what_only_changes_the_process_succeeds(seen: Observation, name: str) -> None:
    """As in Airflow, where the process is the task's own."""
    why = USED_BY_AIRFLOW.get((airflow_version()[:4], name))
    if why:
        pytest.skip(f"{why} when a task reports its end, in the process that the task has patched")

    assert "success" == seen.states[name]


@pytest.mark.parametrize("name", [*ENDS, *CHANGES])
def test_the_next_task_finds_everything_as_ever(seen: Observation, name: str) -> None:
    """Nothing that one task does to its process reaches another."""
    assert "success" == seen.states[f"{name}_then"], seen.errors.get((f"{name}_then", -1))


def test_of_a_flood_beginning_and_end_are_kept(seen: Observation) -> None:
    """Of forty million characters, some."""
    text = seen.logs("floods")

    assert "xxx" in text[:1000]
    assert "\nthe end\n" in text[-1000:]
    assert len(text) < 3 * MOST


def test_the_process_is_as_before(seen: Observation) -> None:
    """Its streams are open, its functions its own, and no thread keeps it from ending."""
    assert seen.states
    assert [True] * 3 == [_is_open(number) for number in (0, 1, 2)]
    assert "built-in function _exit" in repr(os._exit)
    assert "built-in function kill" in repr(os.kill)
    assert json.JSONEncoder.default.__module__ == "json.encoder"
    asleep = [thread for thread in threading.enumerate() if thread is not threading.main_thread()]
    assert all(thread.daemon for thread in asleep)


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


@pytest.mark.parametrize("engine", ENGINES)
def test_callbacks(load_dag: LoadDag, engine: str) -> None:
    """
    What a callback does to the process does not reach the next task either, and does not end the tests.

    Airflow 2 calls it before the instance's state is written, Airflow 3 afterwards.
    """
    dag = load_dag("""
        import os, json

        def harm(context):
            os.environ["HOSTILE"] = "1"
            json.dumps = None
            os._exit(3)

        with DAG("d", **START):
            @task(on_success_callback=harm)
            def first():
                return 1

            @task
            def second():
                assert "HOSTILE" not in os.environ
                return json.dumps(1)

            first()
            second()
    """)

    seen = ENGINES[engine](dag)

    first = "success" if bridge().family == "3" else "failed"
    assert {"first": first, "second": "success"} == seen.states
    assert "1" == json.dumps(1)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_failure_callback_that_exits(load_dag: LoadDag, engine: str) -> None:
    """`SystemExit` in a callback ends neither the run nor the tests: in Airflow it ends the instance's own process."""
    dag = load_dag("""
        def leave(context):
            raise SystemExit(3)

        with DAG("d", **START):
            @task(on_failure_callback=leave)
            def fails():
                raise ValueError("always")

            @task(trigger_rule="all_done")
            def after():
                return 1

            fails() >> after()
    """)

    seen = ENGINES[engine](dag)

    assert {"fails": "failed", "after": "success"} == seen.states


def test_a_dag_that_deletes_its_file(load_dag: LoadDag) -> None:
    """It runs to its end; Airflow 3 does not need the file to run it again, either."""
    dag = load_dag("""
        import os, pathlib
        with DAG("d", **START):
            @task
            def delete():
                pathlib.Path(__file__).unlink(missing_ok=True)

            @task
            def fail():
                raise ValueError("gone")

            delete() >> fail()
    """)

    for _ in range(2 if bridge().family == "3" else 1):
        seen = run_directly(dag)
        assert {"delete": "success", "fail": "failed"} == seen.states
        assert "gone" == seen.errors["fail", -1].message


def test_a_hang_is_ended_by_its_execution_timeout(load_dag: LoadDag) -> None:
    """As in Airflow."""
    dag = load_dag("""
        import time
        with DAG("d", **START):
            @task(execution_timeout=timedelta(seconds=1))
            def hang():
                time.sleep(600)

            hang()
    """)
    began = time.monotonic()

    assert {"hang": "failed"} == run_directly(dag).states
    assert time.monotonic() - began < 300


def test_ctrl_c_ends_the_run(load_dag: LoadDag) -> None:
    """It is no failure of the task that it interrupts, and the next run begins from an empty database."""
    dag = load_dag("""
        import time
        with DAG("d", **START):
            @task
            def hang():
                time.sleep(600)

            hang()
    """)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupt = threading.Timer(2, os.kill, [os.getpid(), signal.SIGINT])
    try:
        interrupt.start()
        with pytest.raises(KeyboardInterrupt):
            run_directly(dag)
    finally:
        signal.signal(signal.SIGINT, before)

    assert {"success"} == set(run_directly(bridge().make_smallest_dag()).states.values())


def test_the_bridge_runs_on(load_dag: LoadDag) -> None:
    """After all of that, a run is as any run."""
    assert {"success"} == set(run_directly(bridge().make_smallest_dag()).states.values())


def test_outputs_of_every_size_and_kind(load_dag: LoadDag) -> None:
    """A million items, and text of every kind, go through a run, and are shown in bearable length."""
    dag = load_dag("""
        import math
        with DAG("d", **START):
            @task
            def million():
                return list(range(10**6))

            @task
            def count(items):
                return len(items)

            @task
            def texts():
                return ["\\x1b[31mred", "\\u202ediw", "one\\ntwo", "x" * 10**6]

            @task(map_index_template="{{ text }}")
            def show(text):
                get_current_context()["text"] = text
                return text

            @task
            def odd():
                return {"a": {"b": [None] * 3}}

            @task
            def unfit():
                raise ValueError("\\x1b[31mno" + "x" * 10**6)

            count(million())
            show.expand(text=texts())
            [odd(), unfit()]
    """)

    run = run_dag(dag)

    assert "failed" == run.state
    assert 10**6 == run.xcoms["count"]
    assert 4 == run.expansion.counts["show"]
    assert {"a": {"b": [None] * 3}} == run.xcoms["odd"]
    shown = [run.describe(), run.to_text(), run.to_mermaid(), run._repr_html_(), repr(run)]
    assert not any("\x1b" in text or "\u202e" in text for text in shown)
    assert all(len(text) < 20_000 for text in shown)
