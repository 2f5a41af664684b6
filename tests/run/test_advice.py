"""The `expand` form, composed from arguments alone: no Airflow here."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_dynadag.bridge.creations import Node
from pytest_dynadag.run.advice import Output, advise

CREATE = Output("create", "create.output")


def greet(greeting: str, name: str) -> None:
    """Stand in for a function of a DAG file."""


def operators(*variants: dict[str, Any], ids: str = "load_{}") -> list[Node]:
    """Make one description of an operator per set of arguments."""
    return [
        Node(ids.format(number), "Load", arguments={"task_id": ids.format(number), **variant})
        for number, variant in enumerate(variants)
    ]


def calls(*arguments: tuple[Any, ...]) -> list[Node]:
    """Make one description of a decorated function's call per tuple of positional arguments."""
    seen = [{"python_callable": greet, "op_args": each, "op_kwargs": {}} for each in arguments]
    return [Node("greet", "greet", decorated=True, arguments=one) for one in seen]


def test_what_differs_is_expanded_and_what_does_not_is_held() -> None:
    """One argument that differs goes into `expand`, the others into `partial`."""
    advice = advise(operators({"region": "eu", "mode": "full"}, {"region": "us", "mode": "full"}), CREATE, [])

    assert advice == (
        "let 'create' return ['eu', 'us'], and write it once, in the DAG itself, expanded over that:\n"
        "    Load.partial(task_id='load', mode='full').expand(region=create.output)"
    )


def test_several_that_differ_are_expanded_together() -> None:
    """A list of dicts goes with `expand_kwargs`, which pairs what belongs together."""
    advice = advise(operators({"region": "eu", "day": 1}, {"region": "us", "day": 2}), CREATE, [])

    assert "return [{'day': 1, 'region': 'eu'}, {'day': 2, 'region': 'us'}], and" in advice
    assert advice.endswith("Load.partial(task_id='load').expand_kwargs(create.output)")


def test_an_upstream_that_returns_just_that_is_the_source() -> None:
    """Where a task before returns the values already, the running one need not."""
    regions = Output("regions", "regions()", ("eu", "us"))

    advice = advise(operators({"region": "eu"}, {"region": "us"}), CREATE, [Output("n", "n()", 2), regions])

    assert advice == (
        "write it once, in the DAG itself, and expand it over what 'regions' returns:\n"
        "    Load.partial(task_id='load').expand(region=regions())"
    )


def test_the_arguments_of_a_function_are_called_by_name() -> None:
    """Positional arguments of a decorated function get the names that `expand` needs."""
    advice = advise(calls(("hello", "ada"), ("hello", "alan")), CREATE, [])

    assert advice.endswith("    greet.partial(greeting='hello').expand(name=create.output)")


def test_what_never_differs_is_written_plainly() -> None:
    """Without anything to expand over, the operator belongs into the DAG, and a branch decides."""
    assert advise(operators({"python_callable": greet}), CREATE, []) == (
        "write it in the DAG itself, behind 'create'; where it is not always wanted, let a branch decide:\n"
        "    Load(task_id='load_0', python_callable=greet)"
    )


@pytest.mark.parametrize("values", [(object(), object()), ({1}, {2})])
def test_what_no_xcom_holds_is_not_written(values: tuple[Any, Any]) -> None:
    """Of objects the advice says that they are needed as data, and shows none."""
    advice = advise(operators({"what": values[0]}, {"what": values[1]}), CREATE, [])

    assert advice == (
        "let 'create' return a list with what differs, and write it once, in the DAG itself, expanded over that:\n"
        "    Load.partial(task_id='load').expand(what=create.output)"
    )


@pytest.mark.parametrize(
    ("ids", "task_id"),
    [("load_{}", "load"), ("load_eu{}", "load"), ("eu.load-{}", "eu.load"), ("{}", "each")],
)
def test_a_task_id_for_all_of_them_is_found(ids: str, task_id: str) -> None:
    """It is what the ids begin with, up to a separator, so that no letter of what differs is left."""
    advice = advise(operators({"region": "eu"}, {"region": "us"}, ids=ids), CREATE, [])

    assert f"Load.partial(task_id='{task_id}').expand(region=create.output)" in advice


@pytest.mark.parametrize(
    "variants",
    [
        ({"api_key": "s3cret 1"}, {"api_key": "s3cret 2"}),
        ({"api_key": "s3cret"}, {"region": {"db_password": "s3cret"}}),
        ({"token": "s3cret", "region": "eu"}, {"token": "s3cret", "region": "us"}),
    ],
)
def test_secrets_are_not_written(variants: tuple[dict[str, Any], ...]) -> None:
    """What is called a password or a token is left out, whether it differs or not, however deep."""
    assert "s3cret" not in advise(operators(*variants), CREATE, [])


def test_long_values_are_cut() -> None:
    """A message shows the first few of a long list, and both ends of a long text."""
    advice = advise(operators(*({"n": n, "text": "x" * 1000} for n in range(100))), CREATE, [])

    assert "return [0, 1, 2, ...], and" in advice
    assert 300 > len(advice)
