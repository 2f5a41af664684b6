"""What is read of Airflow's DAG objects besides the mapping: places, rules, and what a label is rendered from."""

from __future__ import annotations

import ast
from typing import Any

import pytest
from comparison import HERE, list_names

from pytest_dynadag.bridge.extract import structure_of
from pytest_dynadag.bridge.labels import make_labeller
from pytest_dynadag.graph.canonical import Opaque
from pytest_dynadag.graph.expansion import UNKNOWN
from pytest_dynadag.graph.sources import Argument, Output, Product
from pytest_dynadag.graph.structure import Task

SOURCE = ast.parse((HERE / "dags.py").read_text())
LINES = {
    node.name: range(node.lineno, (node.end_lineno or 0) + 1)
    for node in SOURCE.body
    if isinstance(node, ast.FunctionDef)
}


@pytest.mark.parametrize("name", list_names())
def test_a_task_stands_where_it_is_called(name: str, dags: dict[str, Any]) -> None:
    """The place of a task or group is the line that adds it to the DAG, not that of the function it calls."""
    if name not in dags:
        pytest.skip("this version of Airflow refuses the DAG when the file is parsed")
    structure = structure_of(dags[name])

    for part in (*structure.tasks, *structure.groups):
        assert part.location is not None
        assert str(HERE / "dags.py") == part.location.file
        assert part.location.line in LINES[name]


def test_rules_and_kinds_are_read(dags: dict[str, Any]) -> None:
    """Trigger rules, branches, setups and teardowns, templates and what is pushed come through."""
    read = {name: structure_of(dag) for name, dag in dags.items()}

    assert "all_done" == read["zero_xcom"]["collect_done"].trigger_rule
    assert "branch" == read["branch_in_group"]["g.br"].skips
    assert "short_circuit" == read["short_circuit_mapped"]["sc"].skips
    assert (True, True) == (
        read["group_setup_teardown"]["g.s"].is_setup,
        read["group_setup_teardown"]["g.td"].is_teardown,
    )
    assert "all_done_setup_success" == read["group_setup_teardown"]["g.td"].trigger_rule
    assert not read["source_without_xcom_push"]["source"].pushes_output
    assert read["source_multiple_outputs"]["source"].multiple_outputs
    assert "{{ task.op_kwargs['x'] }}" == read["label_of_failed_index"]["t"].map_index_template


def label(template: str, inputs: dict[str, Any], **arguments: Any) -> Any:
    """Render the label of the second instance of a decorated task."""
    mapping = Product(())
    task = Task(
        task_id="t", operator="@task", mapping=mapping, map_index_template=template, arguments=arguments
    )
    return make_labeller({"day": "mon"}, {"run": 1})(task, 1, inputs)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ task.op_kwargs['x'] }}", "eu"),
        ("{{ task.op_kwargs.day }}-{{ ti.map_index }}", "2-1"),
        ("{{ params.day }}/{{ dag_run.conf['run'] }}", "mon/1"),
        ("always", "always"),
    ],
)
def test_a_label_comes_from_inputs(template: str, expected: str) -> None:
    """What expand and partial give, the index, params and the run's configuration make a label."""
    assert expected == label(template, {"x": "eu"}, op_kwargs={"day": 2})


@pytest.mark.parametrize(
    "value",
    [UNKNOWN, Output("a"), Argument("g", "v"), "{{ ds }}", [UNKNOWN], Opaque("object", "Thing")],
    ids=repr,
)
def test_what_only_a_run_knows_leaves_a_label_unknown(value: Any) -> None:
    """An input that is not known makes no label; nor does a name that the task sets while it runs."""
    assert UNKNOWN is label("{{ task.op_kwargs['x'] }}", {"x": value})
    assert UNKNOWN is label("{{ set_while_running }}", {"x": 1})
