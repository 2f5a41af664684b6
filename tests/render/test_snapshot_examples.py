"""The example DAGs, and what their cases make of them, as committed snapshots: the same on every Airflow."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from difflib import ndiff
from pathlib import Path
from typing import Any

import pytest

from pytest_dynadag.bridge.extract import structure_of
from pytest_dynadag.bridge.home import settle
from pytest_dynadag.bridge.labels import make_labeller
from pytest_dynadag.bridge.lines import note_lines
from pytest_dynadag.bridge.loading import load
from pytest_dynadag.bridge.metadata import parse_metadata
from pytest_dynadag.cases.casefile import Case, find_dag_file, read_casefile, resolve_dag
from pytest_dynadag.graph.given import Given
from pytest_dynadag.graph.planner import plan
from pytest_dynadag.render.snapshot import IGNORED_ARGUMENTS, SHARED_ARGUMENTS, write_snapshot
from pytest_dynadag.render.values import is_secret
from pytest_dynadag.run.runner import run_dag

EXAMPLES = Path(__file__).parents[2] / "example_dags"
DAG_FILES = sorted(path for path in EXAMPLES.glob("*.py") if not path.name.startswith("test_"))
PLANNED = {
    f"{path.name.partition('.dynadag')[0]} - {case.name}": (path, case)
    for path in sorted(EXAMPLES.glob("*.dynadag.yaml"))
    for case in read_casefile(path).cases
    if not case.run
}


@pytest.fixture(scope="module", autouse=True)
def airflow_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Settle an isolated home for these tests, before anything imports Airflow."""
    with settle(tmp_path_factory.mktemp("airflow")):
        note_lines()
        yield


def load_example(path: Path, case: Case | None = None) -> dict[str, Any]:
    """Load a DAG file, with the metadata that a case gives."""
    metadata = {name: getattr(case, name, None) for name in ("variables", "connections", "env")}
    with parse_metadata(**metadata):
        loaded = load((path,))
    assert {} == dict(loaded.errors)
    return dict(loaded.dags)


@pytest.mark.parametrize("path", DAG_FILES, ids=lambda path: path.stem)
def test_structures(path: Path, dynadag_snapshot: Any) -> None:
    """Every example DAG is written as it was, whichever Airflow reads it."""
    for dag_id, dag in sorted(load_example(path).items()):
        assert structure_of(dag) == dynadag_snapshot(name=dag_id)


@pytest.mark.parametrize("name", PLANNED)
def test_plans(name: str, dynadag_snapshot: Any) -> None:
    """Every case of an example that is only planned becomes what it was, whichever Airflow's rules the plan follows."""
    casefile, case = PLANNED[name]
    path = find_dag_file(casefile)
    assert path is not None
    dags = load_example(path, case)
    dag_id = resolve_dag(read_casefile(casefile), dict.fromkeys(dags, path))
    given = Given.of(case.given, case.states, params=case.params, conf=case.conf)

    expansion = plan(structure_of(dags[dag_id]), given, label=make_labeller(case.params, case.conf))

    assert expansion == dynadag_snapshot


def test_a_run(dynadag_snapshot: Any) -> None:
    """A real run ends as it did, states and labels included."""
    dag = load_example(EXAMPLES / "sales.py")["sales"]

    assert run_dag(dag, given={"list_regions": ["eu", "us"]}) == dynadag_snapshot


def test_every_example_is_planned() -> None:
    """No example DAG is left without a case that is planned."""
    planned = {find_dag_file(path) for path, _ in PLANNED.values()}

    assert set(DAG_FILES) == planned


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        (
            ".expand(region=list_regions())",
            ".expand(region=list_regions().map(str.upper))",
            [
                "- load: @task over region=<list_regions>",
                "+ load: @task over region=<list_regions>.map(<function upper>)",
            ],
        ),
        (
            "    @task\n    def report",
            '    @task(trigger_rule="all_done")\n    def report',
            ["+   trigger_rule: all_done"],
        ),
        (
            "report(load.expand(region=list_regions()))",
            "report(load.expand(region=list_regions())) >> load.override(task_id='again')('eu')",
            [
                "+ again: @task",
                "+   map_index_template: \"{{ task.op_kwargs['region'] }}\"",
                '+   op_args: ["eu"]',
                "+   python_callable: <function load>",
                "+ report -> again",
            ],
        ),
    ],
    ids=["what is mapped over", "a trigger rule", "another task"],
)
def test_a_changed_line_changes_few_lines(tmp_path: Path, before: str, after: str, lines: list[str]) -> None:
    """A change of one line of a DAG is a change of a few lines in its snapshot, each of which says what it means."""
    source = (EXAMPLES / "sales.py").read_text()
    assert 1 == source.count(before)
    file = tmp_path / "sales.py"
    texts = []
    for text in (source, source.replace(before, after)):
        file.write_text(text)
        texts.append(write_snapshot(structure_of(load_example(file)["sales"])).splitlines())

    assert lines == [line for line in ndiff(*texts) if line[0] in "+-"]


def find_airflows_own(name: str, *modules: str) -> Any:
    """Give *name* from the first of *modules* that this Airflow has."""
    for module in modules:
        try:
            return getattr(importlib.import_module(module), name)
        except ImportError:
            continue
    raise AssertionError(f"this Airflow has {name} elsewhere: {modules}")


def test_what_airflow_masks_is_masked() -> None:
    """Every part of a name for which Airflow hides a value is one for which a snapshot does."""
    fields = find_airflows_own(
        "DEFAULT_SENSITIVE_FIELDS",
        "airflow._shared.secrets_masker.secrets_masker",
        "airflow.sdk.execution_time.secrets_masker",
        "airflow.utils.log.secrets_masker",
    )

    assert [] == [field for field in fields if not is_secret(field)]


def test_every_argument_of_every_operator_is_known() -> None:
    """What Airflow adds to all operators is no argument of a task's own: it would differ between versions."""
    operator = find_airflows_own("BaseOperator", "airflow.sdk", "airflow.models.baseoperator")
    arguments = {
        name
        for name, parameter in inspect.signature(operator.__init__).parameters.items()
        if parameter.kind in {parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD} and name != "self"
    }

    assert set() == {name for name in arguments if not name.startswith("_")} - IGNORED_ARGUMENTS - set(
        SHARED_ARGUMENTS
    )
