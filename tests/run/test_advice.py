"""The `expand` form, composed from arguments alone: no Airflow here."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_dynadag.bridge.creations import Node
from pytest_dynadag.run.advice import Output, advise, is_data, write_value

CREATE = Output("create", "create.output")


def greet(greeting: str, name: str) -> None:
    """Stand in for a function of a DAG file."""


def operators(*variants: dict[str, Any], ids: str = "load_{}") -> list[Node]:
    """Make one description of an operator per set of arguments."""
    return [
        Node(number, ids.format(number), "Load", arguments={"task_id": ids.format(number), **variant})
        for number, variant in enumerate(variants)
    ]


def calls(*arguments: tuple[Any, ...]) -> list[Node]:
    """Make one description of a decorated function's call per tuple of positional arguments."""
    seen = [{"python_callable": greet, "op_args": each, "op_kwargs": {}} for each in arguments]
    return [Node(number, "greet", "greet", decorated=True, arguments=one) for number, one in enumerate(seen)]


def test_what_differs_is_expanded_and_what_does_not_is_held() -> None:
    """One argument that differs goes into `expand`, the others into `partial`."""
    advice = advise(operators({"region": "eu", "mode": "full"}, {"region": "us", "mode": "full"}), CREATE, [])

    assert 'Load.partial(task_id="load", mode="full").expand(region=create.output)' == advice.code
    assert '["eu", "us"]' == advice.returns


def test_several_that_differ_are_expanded_together() -> None:
    """A list of dicts goes with `expand_kwargs`, which pairs what belongs together."""
    advice = advise(operators({"region": "eu", "day": 1}, {"region": "us", "day": 2}), CREATE, [])

    assert 'Load.partial(task_id="load").expand_kwargs(create.output)' == advice.code
    assert '[{"region": "eu", "day": 1}, {"region": "us", "day": 2}]' == advice.returns


def test_an_upstream_that_returns_just_that_is_the_source() -> None:
    """Where a task before returns the values already, the running one need not."""
    regions = Output("regions", "regions()", ("eu", "us"))

    advice = advise(operators({"region": "eu"}, {"region": "us"}), CREATE, [Output("n", "n()", 2), regions])

    assert 'Load.partial(task_id="load").expand(region=regions())' == advice.code
    assert ("regions", None) == (advice.source, advice.returns)


def test_the_arguments_of_a_function_are_called_by_name() -> None:
    """Positional arguments of a decorated function get the names that `expand` needs."""
    advice = advise(calls(("hello", "ada"), ("hello", "alan")), CREATE, [])

    assert 'greet.partial(greeting="hello").expand(name=create.output)' == advice.code


def test_what_never_differs_is_written_plainly() -> None:
    """Without anything to expand over, the operator belongs into the DAG, and a branch decides."""
    advice = advise(operators({"python_callable": greet}), CREATE, [])

    assert 'Load(task_id="load_0", python_callable=greet)' == advice.code
    assert advice.tell("create") == (
        "write it in the DAG itself, behind 'create'; where it is not always wanted, let a branch decide:\n"
        '    Load(task_id="load_0", python_callable=greet)'
    )


@pytest.mark.parametrize(
    ("ids", "task_id"),
    [("load_{}", "load"), ("load_eu{}", "load"), ("eu.load-{}", "eu.load"), ("{}", "each")],
)
def test_a_task_id_for_all_of_them_is_found(ids: str, task_id: str) -> None:
    """It is what the ids begin with, up to a separator, so that no letter of what differs is left."""
    advice = advise(operators({"region": "eu"}, {"region": "us"}, ids=ids), CREATE, [])

    assert f'Load.partial(task_id="{task_id}").expand(region=create.output)' == advice.code


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
    advice = advise(operators(*variants), CREATE, [])

    assert "s3cret" not in f"{advice.code}{advice.returns}"


def test_long_values_are_cut() -> None:
    """A message shows the first few of a long list, and the beginning of a long text."""
    assert "[0, 1, 2, ...]" == write_value(list(range(100)))
    assert 90 > len(write_value("x" * 1000))


def test_what_no_xcom_holds_is_not_asked_for() -> None:
    """An object is no data, nor is a dict with keys that are no text."""
    assert [True, False, False] == [is_data({"a": [(1, None)]}), is_data({1: "a"}), is_data([object()])]
