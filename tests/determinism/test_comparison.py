"""Comparing two parses: what has meaning differs, what has none does not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_dynadag.generate.comparison import ABSENT, Change, compare, mask, show
from pytest_dynadag.generate.packing import pack, pack_dags, unpack
from pytest_dynadag.graph.sources import Literal, Product
from pytest_dynadag.graph.structure import Structure, Task
from pytest_dynadag.location import Location


def _parse(*tasks: Task, **settings: Any) -> dict[str, Any]:
    traits = {
        "settings": {},
        "groups": {},
        "tasks": {t.task_id: {"attributes": {}, "bound": {}} for t in tasks},
    }
    structure = Structure("sales", tasks, settings=settings).to_dict()
    return {"dags": {"sales": {"structure": structure, "traits": traits}}, "failure": None}


def _mapped(value: Any) -> Task:
    return Task(task_id="load", mapping=Product((("region", Literal(value)),)))


def test_equal_parses_do_not_differ() -> None:
    """Nothing is reported of the same DAG."""
    assert [] == compare(_parse(_mapped(["eu"])), _parse(_mapped(["eu"])))


def test_the_order_of_what_is_mapped_over_has_meaning() -> None:
    """The first element that differs is named, and that only the order does."""
    (change,) = compare(_parse(_mapped(["eu", "us"])), _parse(_mapped(["us", "eu"])))
    assert change == Change("sales", "/dags/sales/tasks/load/mapping/region/0", "eu", "us", order_only=True)


@pytest.mark.parametrize(
    ("one", "other"),
    [(["eu", "us"], ["eu", "us"]), (["eu", "us"], ["us", "eu"]), ([1], [True]), ([1], [1.0])],
)
def test_packed_parses_differ_as_others_do(one: list[Any], other: list[Any]) -> None:
    """Packing the DAGs of two parses changes nothing of what differs between them."""
    parses = [_parse(_mapped(one)), _parse(_mapped(other))]

    assert compare(*parses) == compare(*map(pack_dags, parses))
    assert bool(compare(*parses)) == (repr(one) != repr(other))


def test_a_packed_dag_is_small_and_comes_back() -> None:
    """What is packed takes less than a fifth for many tasks, and is the same once unpacked."""
    tasks = [Task(task_id=f"load_{number}") for number in range(100)]
    dag = _parse(*tasks)["dags"]["sales"]

    assert dag == unpack(pack(dag)) == unpack(dag)
    assert 5 * len(pack(dag)) < len(json.dumps(dag))


def test_a_dict_that_is_mapped_over_has_an_order() -> None:
    """Airflow gives each item its index."""
    (change,) = compare(_parse(_mapped({"a": 1, "b": 2})), _parse(_mapped({"b": 2, "a": 1})))
    assert (["a", 1], ["b", 2], True) == (change.baseline, change.changed, change.order_only)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"arguments": {"env": {"a": 1, "b": 2}}}, {"arguments": {"env": {"b": 2, "a": 1}}}),
        ({"arguments": {"tags": {"a", "b"}}}, {"arguments": {"tags": {"b", "a"}}}),
        ({"location": Location("dag.py", 3)}, {"location": Location("dag.py", 9)}),
    ],
    ids=["keys of a dict", "members of a set", "where it is written"],
)
def test_what_has_no_meaning(one: dict[str, Any], other: dict[str, Any]) -> None:
    """No difference is made of an order that Airflow does not know."""
    assert [] == compare(_parse(Task(task_id="load", **one)), _parse(Task(task_id="load", **other)))


def test_a_task_that_is_not_there() -> None:
    """It is reported whole, not field by field."""
    (change,) = compare(_parse(), _parse(Task(task_id="load")))
    assert ("/dags/sales/tasks/load", ABSENT) == (change.pointer, change.baseline)


def test_a_file_that_fails() -> None:
    """A failure is a difference of the file."""
    failed = {"dags": {}, "failure": "RuntimeError: no"}
    assert [Change(None, "/failure", ABSENT, "RuntimeError: no")] == compare(_parse(), failed)


def test_addresses_are_told_apart() -> None:
    """Texts that differ in nothing but an address are recognised."""
    assert Change("sales", "/x", "<S at 0x7f1234567890>", "<S at 0x7f1234567000>").is_address
    assert not Change("sales", "/x", "a", "b").is_address


def test_secrets_are_masked_by_name_and_in_addresses() -> None:
    """Neither a password argument nor the password in a URL is shown; the id of a DAG is."""
    named = Change("secret_dag", "/dags/secret_dag/tasks/load/arguments/password", "one", "two")
    url = Change("sales", "/dags/sales/tasks/load/arguments/uri", "http://me:one@host", "http://me:two@host")
    plain = Change("secret_dag", "/dags/secret_dag/tasks/load/arguments/region", "eu", "us")
    assert ("***", "***") == (mask(named).baseline, mask(named).changed)
    assert "http://me:***@host" == mask(url).baseline
    assert plain == mask(plain)


def test_values_are_shown_as_one_writes_them() -> None:
    """Tagged values lose their tags, long ones are cut."""
    assert "('eu', 1)" == show({"$tuple": ["eu", 1]})
    assert "2024-01-01T00:00:00" == show({"$datetime": "2024-01-01T00:00:00"})
    assert "nothing" == show(ABSENT)
    assert show("x" * 200).endswith("... (202 characters)")
