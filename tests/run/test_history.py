"""Histories: what a run left, as a case for a case file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytest_dynadag.bridge.extract import structure_of
from pytest_dynadag.cases.casefile import read_casefile
from pytest_dynadag.cases.history import write_case
from pytest_dynadag.run.runner import Run, run_dag

DAG = """
    with DAG("sales", **START):
        @task
        def list_days():
            return [datetime(2024, 5, 1, tzinfo=timezone.utc), ("eu", {"api_key": "t0ken-22"})]

        @task
        def list_files():
            return {"a": {1, 2}}

        @task
        def list_keys():
            return [BaseHook.get_connection("db").password]

        @task
        def load(day):
            if isinstance(day, datetime):
                raise ValueError("no data")
            return "loaded"

        @task
        def use(what):
            return what

        @task(trigger_rule="all_done")
        def report(loaded):
            return "decides nothing"

        report(load.expand(day=list_days()))
        use.override(task_id="read").expand(what=list_files())
        use.override(task_id="open").expand(what=list_keys())
"""


def run_and_write(dag: Any) -> tuple[Run, str]:
    """Run a DAG, and write what it left."""
    run = run_dag(dag, connections={"db": "postgres://me:hunter22@host/db"})
    return run, write_case(structure_of(dag), run, "monday's")


def test_what_decided_a_run_is_written_as_a_case(load_dag: Callable[[str], Any]) -> None:
    """Outputs that are mapped over, ends that tasks chose, and counts; secrets hidden, what cannot be written named."""
    run, written = run_and_write(load_dag(DAG))

    assert {"api_key": "t0ken-22"} == run.xcoms["list_days"][1][1]
    assert (
        "# the output of list_files is left out: a case file cannot hold a set\n"
        "dag: sales\n"
        "cases:\n"
        "  monday's:\n"
        "    given:\n"
        "      list_days:\n"
        "      - '2024-05-01T00:00:00+00:00'\n"
        "      - - eu\n"
        "        - {api_key: '***'}\n"
        "      list_keys: ['***']\n"
        "    states: {'load[0]': failed}\n"
        "    expect: {list_files: success, load: 2, open: 1, read: 1, report: success}\n"
    ) == written
    assert "hunter22" not in written


def test_what_is_written_is_a_case_file(load_dag: Callable[[str], Any], tmp_path: Path) -> None:
    """It is read back as what was given, how instances ended and what is expected, under the case's name."""
    _, written = run_and_write(load_dag(DAG))
    file = tmp_path / "sales.dynadag.yaml"
    file.write_text(written)

    (case,) = read_casefile(file).cases

    assert "monday's" == case.name
    assert {
        "list_days": ["2024-05-01T00:00:00+00:00", ["eu", {"api_key": "***"}]],
        "list_keys": ["***"],
    } == case.given
    assert {"load[0]": "failed"} == case.states
    assert ["list_files", "load", "open", "read", "report"] == [each.key for each in case.expect or ()]
