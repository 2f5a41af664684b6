"""Runs whose instances finish in another order: what a real scheduler shows and dag.test() does not."""

# ruff: noqa: AIR311 - both families have these names

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_dynadag.bridge.extract import structure_of
from pytest_dynadag.bridge.home import settle
from pytest_dynadag.graph.given import Given
from pytest_dynadag.run.orders import OrderDifference, compare_orders, list_orders

AT = dt.datetime(2024, 1, 2, tzinfo=dt.timezone.utc)


@pytest.fixture(autouse=True)
def home(tmp_path: Path) -> Iterator[None]:
    """Isolate Airflow."""
    with settle(tmp_path / "home"):
        yield


def _compare(build: Any, runs: int = 3) -> list[OrderDifference]:
    return compare_orders(build, structure_of(build()), Given(), runs=runs, at=AT)


def _collect(rule: str) -> Any:
    from airflow import DAG
    from airflow.decorators import task

    with DAG("collecting", schedule=None, start_date=dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc)) as dag:

        @task
        def load(number: int) -> int:
            return number

        @task(trigger_rule=rule)
        def collect(numbers: Any) -> list[int]:
            return sorted(number for number in numbers if number is not None)

        collect(load.expand(number=[1, 2, 3]))
    return dag


def test_a_collector_under_one_success_gets_what_is_there() -> None:
    """It is started after the first instance, and reads one value or three, by timing."""
    (found,) = _compare(lambda: _collect("one_success"))
    assert ("collect", "collect", "output") == (found.task_id, found.key, found.what)
    assert ([1, 2, 3], [1]) == (found.baseline, found.changed)
    assert found.orders == (
        "when a whole wave finishes first",
        "when rules are looked at after each instance",
    )


def test_a_task_mapped_over_a_mapped_one_under_one_success() -> None:
    """Its rule is met before its length is known: on a real scheduler it ends upstream_failed, and so does the run."""

    def build() -> Any:
        from airflow import DAG
        from airflow.decorators import task

        with DAG("nested", schedule=None, start_date=dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc)) as dag:

            @task
            def load(number: int) -> int:
                return number

            @task(trigger_rule="one_success")
            def check(number: int) -> int:
                return number

            check.expand(number=load.expand(number=[1, 2, 3]))
        return dag

    found = {entry.key: (entry.what, entry.changed) for entry in _compare(build)}
    assert ("state", "upstream_failed") == found["check"]
    assert ("state", "failed") == found["(run)"]


def test_a_collector_under_all_success_waits() -> None:
    """It has all values, whichever instance is the last."""
    assert [] == _compare(lambda: _collect("all_success"), runs=4)


def test_what_a_task_draws_is_no_difference() -> None:
    """What differs between two runs of one order is left out."""

    def build() -> Any:
        import uuid

        from airflow import DAG
        from airflow.decorators import task

        with DAG("drawing", schedule=None, start_date=dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc)) as dag:
            task(task_id="draw")(lambda: str(uuid.uuid4()))()
        return dag

    assert [] == _compare(build)


def test_there_are_as_many_orders_as_asked_for() -> None:
    """Each instance by itself in the plain order, in the opposite one, then by seeds; never fewer than one."""
    assert [None, "reverse", 1, 2] == list_orders(5)
    assert [None] == list_orders(0)
