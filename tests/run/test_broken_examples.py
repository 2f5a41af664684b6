"""The broken examples: what Airflow really does with them, and what the guard says of each."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from pytest_dynadag.bridge.loading import bridge, load_file
from pytest_dynadag.findings import Finding
from pytest_dynadag.run.runner import ENGINES, run_dag

BROKEN = Path(__file__).parents[2] / "example_dags" / "broken"

SERIALIZED = r"(?i:cannot serialize object of type) <class '(function|airflow\.sdk\..*\.PlainXComArg)'>"
"""Airflow 3 gets as far as the first function that it finds in an operator, Airflow 3.0 not even into an output."""

# Task id to state; to a pattern of the error, in Airflow 2 and 3. README.md beside the DAGs says the same.
OUTCOMES = {
    "creates_operators_in_task": (
        "success",
        {"list_names": "success", "create_operators": "success"},
        {},
    ),
    "creates_operators_in_task_kwargs": (
        "failed",
        {"make_operators": "failed", "wire_operators": "upstream_failed"},
        {"make_operators": {"2": "Object of type PythonOperator is not JSON serializable", "3": SERIALIZED}},
    ),
    "creates_operators_in_task_xcom": (
        "failed",
        {"make_operators": "failed", "wire_operators": "upstream_failed"},
        {"make_operators": {"2": "Object of type PythonOperator is not JSON serializable", "3": SERIALIZED}},
    ),
    "creates_operators_in_taskflow": (
        "failed",
        {"list_names": "success", "print_all": "failed", "report": "upstream_failed"},
        {"print_all": {"2": "Object of type PlainXComArg is not JSON serializable", "3": SERIALIZED}},
    ),
}

# Rule, a piece of the line, how many operators, and the code of the remedy.
FINDINGS = {
    "creates_operators_in_task": [
        (
            "DYN201",
            'PythonOperator(task_id=f"print_{name}"',
            3,
            (
                "PythonOperator.partial(task_id='print', python_callable=print)"
                ".expand(op_args=list_names.output.map(lambda one: [one]))"
            ),
        )
    ],
    "creates_operators_in_task_kwargs": [
        (
            rule,
            "PythonOperator(task_id=f\"process_{one['data_id']}\"",
            2,
            (
                "PythonOperator.partial(task_id='process', python_callable=process)"
                ".expand(op_kwargs=make_operators.output)"
            ),
        )
        for rule in ("DYN201", "DYN202")
    ],
    "creates_operators_in_task_xcom": [
        (
            rule,
            'PythonOperator(task_id=f"print_{name}"',
            3,
            "PythonOperator.partial(task_id='print', python_callable=work).expand(op_kwargs=make_operators.output)",
        )
        for rule in ("DYN201", "DYN202")
    ],
    "creates_operators_in_taskflow": [
        (rule, "print_one.override(", 3, "print_one.expand(name=list_names())")
        for rule in ("DYN201", "DYN202")
    ],
}


def load(name: str) -> Any:
    """Load one of the broken examples."""
    return load_file(BROKEN / f"{name}.py").dags[name]


def shorten(finding: Finding) -> tuple[str, str, int, str]:
    """Give rule, place, number of operators and code of a finding."""
    number = re.search(r"(\d+) operators", finding.message)
    assert number is not None
    return finding.rule, str(finding.location), int(number[1]), finding.remedy.splitlines()[1].strip()


def test_every_broken_example_is_here() -> None:
    """A further file that creates operators belongs into these tables."""
    assert sorted(OUTCOMES) == sorted(file.stem for file in BROKEN.glob("creates_*.py")) == sorted(FINDINGS)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", OUTCOMES)
def test_what_airflow_does_with_it(name: str, engine: str) -> None:
    """State, states and errors are Airflow's; no created operator has an instance, in no second run either."""
    state, states, why = OUTCOMES[name]
    dag = load(name)

    for run in (run_dag(dag, engine=engine), run_dag(dag, engine=engine)):
        assert state == run.state
        assert states == run.states
        assert why.keys() == run.errors.keys()
        for key, patterns in why.items():
            assert re.match(patterns[bridge().family], run.errors[key].message)
        assert not run.success


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", FINDINGS)
def test_what_is_told_of_it(name: str, engine: str) -> None:
    """Each gives its findings, at the line that creates the operators, with the code that does what was wanted."""
    run = run_dag(load(name), engine=engine)

    lines = (BROKEN / f"{name}.py").read_text().splitlines()
    expected = [
        (
            rule,
            f"{BROKEN / name}.py:{next(n for n, line in enumerate(lines, 1) if piece in line)}",
            number,
            code,
        )
        for rule, piece, number, code in FINDINGS[name]
    ]
    assert expected == [shorten(finding) for finding in run.findings]
