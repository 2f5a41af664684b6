"""The planner against the example DAGs that come with Airflow, run from the installed package."""

from __future__ import annotations

import importlib.util
import os
import random
import time
from collections.abc import Collection
from pathlib import Path

import pytest
from comparison import differences, given_from_run, plan_for, run_and_ask
from outcomes import outcome

from pytest_dynadag.bridge.extract import structure_of
from pytest_dynadag.bridge.loading import load_file
from pytest_dynadag.run.engines.dag_test import run_with_dag_test
from pytest_dynadag.run.engines.direct import run_directly

LEFT_OUT = {
    "example_asset_allow_teams.py": "waits for assets of other teams",
    "example_asset_with_watchers.py": "waits for files, with a trigger",
    "example_bash_decorator.py": "starts programs that may not be there",
    "example_dataset_alias.py": "asks the database while it is parsed",
    "example_dataset_alias_with_no_taskflow.py": "asks the database while it is parsed",
    "example_custom_weight.py": "needs a plugin that is not registered here",
    "example_external_task_child_deferrable.py": "sleeps, for the DAG that waits for it",
    "example_external_task_marker_dag.py": "waits for a run of another DAG",
    "example_external_task_parent_deferrable.py": "waits for a run of another DAG",
    "example_failed_dag.py": "is about failing",
    "example_hitl_operator.py": "waits for a person",
    "example_kubernetes_executor.py": "needs a provider",
    "example_local_kubernetes_executor.py": "needs a provider",
    "example_params_ui_tutorial.py": "needs params that it has no defaults for",
    "example_python_decorator.py": "makes virtual environments",
    "example_python_operator.py": "makes virtual environments",
    "example_sensor_decorator.py": "pokes at random",
    "example_sensors.py": "waits for files and days",
    "example_sla_dag.py": "sleeps",
    "example_subdag_operator.py": "needs pools in the database while it is parsed",
    "example_trigger_controller_dag.py": "triggers a DAG of another file",
    "example_workday_timetable.py": "needs a plugin that is not registered here",
    "tutorial_objectstorage.py": "needs the network",
    "tutorial_taskflow_api_virtualenv.py": "makes virtual environments",
}
"""File to the reason why it is not run here; none of them maps anything in a way that the others do not."""

DRAWN = {
    "example_branch_operator.py": "throws dice in another interpreter",
    "example_branch_operator_decorator.py": "throws dice in another interpreter",
    "tutorial.py": "prints the time",
    "example_task_state_store_mapped.py": "throws dice in each instance, and dag.test() has no order of them",
}
"""File to the reason why two runs of it need not be equal."""


def find_examples(left_out: Collection[str] = LEFT_OUT) -> list[Path]:
    """Find the example files of the installed Airflow, without importing it."""
    spec = importlib.util.find_spec("airflow")
    roots = [Path(place) for place in (spec.submodule_search_locations if spec else None) or ()]
    folders = ("example_dags", "providers/standard/example_dags")
    found = (file for root in roots for folder in folders for file in sorted((root / folder).glob("*.py")))
    return [file for file in found if file.name not in (*left_out, "__init__.py")]


def wait_for_time(file: Path, needed: float = 15.0) -> None:
    """Wait for the next minute where a file decides by the minute, and less of this one is left than two runs need."""
    left = 60 - time.time() % 60
    if ".minute" in file.read_text() and left < needed:
        time.sleep(left)


@pytest.fixture
def nobody_sleeps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a `sleep` that does not before the one that does: ten examples begin with five seconds of it."""
    (program := tmp_path / "sleep").write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")


@pytest.mark.usefixtures("nobody_sleeps")
@pytest.mark.parametrize("file", find_examples(), ids=lambda file: file.stem)
def test_a_plan_is_what_an_example_does(file: Path) -> None:
    """Every DAG of the file is planned from what its run left, and is the same: instances, states, inputs, edges."""
    loaded = load_file(file)
    if loaded.errors:
        pytest.skip(f"does not load here: {next(iter(loaded.errors.values())).message}")
    for dag in loaded.dags.values():
        structure = structure_of(dag)

        run, edges = run_and_ask(dag)
        planned = plan_for(structure, given_from_run(structure, run))

        assert {} == differences(planned, run), dag.dag_id
        assert edges == set(planned.edges), dag.dag_id


@pytest.mark.usefixtures("nobody_sleeps")
@pytest.mark.parametrize("file", find_examples({**LEFT_OUT, **DRAWN}), ids=lambda file: file.stem)
def test_both_engines_do_the_same(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """States, XComs, labels, inputs, errors and tries are those of `dag.test()`."""
    # Some draw numbers, and dag.test() draws some of its own in between.
    monkeypatch.setattr(random, "randint", lambda low, high: low)
    for_airflow, for_us = load_file(file), load_file(file)
    if for_us.errors:
        pytest.skip(f"does not load here: {next(iter(for_us.errors.values())).message}")
    wait_for_time(file)
    for dag_id, dag in for_us.dags.items():
        random.seed(dag_id)  # many of them throw dice
        expected = outcome(run_with_dag_test, for_airflow.dags[dag_id], [])
        random.seed(dag_id)

        assert expected == outcome(run_directly, dag, []), dag_id
