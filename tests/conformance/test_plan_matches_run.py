"""The planner against runs made now: every conformance DAG, and Airflow's own edges between its instances."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from comparison import MAX_MAP_LENGTH, differences, given_from_run, list_names, plan_for, run_and_ask

from pytest_dynadag.bridge.extract import structure_of
from pytest_dynadag.cases.casefile import Case, read_casefile
from pytest_dynadag.cases.history import write_case
from pytest_dynadag.cases.verdict import judge
from pytest_dynadag.run.runner import run_dag
from pytest_dynadag.run.stuck import AirflowRaisedError

REFUSED_AT_RUN = {"nested_over_outer_argument"}
"""What Airflow 2 accepts when the file is parsed, and refuses when the run is created."""


@pytest.mark.parametrize("name", [name for name in list_names() if name not in REFUSED_AT_RUN])
def test_a_plan_is_what_a_run_does(name: str, dags: dict[str, Any], tmp_path: Path) -> None:
    """
    Instances, states, inputs, labels and edges of a plan are those of a run; the edges are Airflow's own.

    So are those of the plan for what the run left, written as a case and read back, and what that expects holds. None
    of the DAGs makes tasks in tasks, and nothing says so.
    """
    if name not in dags:
        pytest.skip("this version of Airflow refuses the DAG when the file is parsed")
    dag = dags[name]
    structure = structure_of(dag)

    run, edges = run_and_ask(dag, engine="airflow")
    planned = plan_for(structure, given_from_run(structure, run))
    case = write_and_read(write_case(structure, run, "left"), tmp_path)
    again = plan_for(structure, case.given, states=case.states)

    assert {} == differences(planned, run) == differences(again, run)
    assert edges == set(planned.edges) == set(again.edges)
    assert () == judge(case, again)
    assert () == run.findings


def write_and_read(text: str, folder: Path) -> Case:
    """Give the one case of what is written."""
    file = folder / "left.dynadag.yaml"
    file.write_text(text)
    (case,) = read_casefile(file).cases
    return case


def test_a_refusal_at_run_is_a_finding(dags: dict[str, Any]) -> None:
    """A group mapped over the argument of another has no run in Airflow 2, and the plan says so."""
    if "nested_over_outer_argument" not in dags:
        pytest.skip("this version of Airflow refuses the DAG when the file is parsed")
    dag = dags["nested_over_outer_argument"]

    with pytest.raises(AirflowRaisedError):
        run_dag(dag)

    assert "DYN303" in {finding.rule for finding in plan_for(structure_of(dag), {}).findings}


VALUES = {
    "source_returns_none": ("produce", None, "DYN301"),
    "source_returns_str": ("produce", "abc", "DYN301"),
    "source_returns_int": ("produce", 3, "DYN301"),
    "source_returns_set": ("source", {1, 2}, "DYN301"),
    "source_returns_range": ("source", range(2), "DYN301"),
    "source_returns_generator": ("source", (i for i in range(2)), "DYN301"),
    "source_without_xcom_push": ("source", [1, 2], "DYN301"),
    "length_limit_xcom": ("produce", [0, 1, 2, 3, 4, 5], "DYN302"),
}


@pytest.mark.parametrize("name", VALUES)
def test_what_cannot_be_mapped_over_fails_its_source(name: str, dags: dict[str, Any]) -> None:
    """Given the value that the task returns, the plan fails the source as Airflow does, and says why."""
    source, value, rule = VALUES[name]

    run = run_dag(dags[name], max_map_length=MAX_MAP_LENGTH)
    planned = plan_for(structure_of(dags[name]), {source: value})

    assert run.states == planned.states
    assert [rule] == [finding.rule for finding in planned.findings]
