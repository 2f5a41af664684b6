"""The canonical form: equal meanings have equal forms, and come back."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import functools
import json
import pathlib
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_dynadag.graph.canonical import Opaque, decode, digest, dump, encode, same

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.floats(allow_nan=False)
    | st.binary(max_size=4)
)
KEYS = st.text(max_size=4) | st.integers() | st.tuples(st.integers())
VALUES = st.recursive(
    SCALARS
    | st.frozensets(st.integers(), max_size=3)
    | st.dates()
    | st.datetimes()
    | st.uuids()
    | st.decimals(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(KEYS, inner, max_size=3)
        | st.dictionaries(st.sampled_from(["$output", "$tuple", "$x"]), inner, max_size=2)
    ),
    max_leaves=8,
)


@given(VALUES)
def test_values_come_back(value: Any) -> None:
    """What can be held as data is itself again after a trip through JSON."""
    assert value == decode(json.loads(json.dumps(encode(value))))


@given(VALUES, VALUES)
def test_equal_forms_mean_equal_values(one: Any, other: Any) -> None:
    """Values with one form are equal; a form is its own."""
    assert same(one, one)
    assert not same(one, other) or one == other


@given(VALUES)
def test_coding_again_changes_nothing(value: Any) -> None:
    """The form of what was read is the form that was read."""
    assert encode(value) == encode(decode(encode(value)))


@given(st.lists(st.text(max_size=3) | st.integers(), max_size=5))
def test_a_set_has_no_order(items: list[Any]) -> None:
    """However a set was filled, its form is the same."""
    backwards = items[::-1]

    assert dump(set(items)) == dump(set(backwards))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param([1, 2], [2, 1], id="order of a list"),
        pytest.param((1,), [1], id="tuple and list"),
        pytest.param(1, True, id="one and true"),
        pytest.param({"a": 1, "b": 2}, {"b": 2, "a": 1}, id="order of a dict"),
        pytest.param("1", 1, id="text and number"),
    ],
)
def test_what_has_meaning_differs(one: Any, other: Any) -> None:
    """Values that mean something else have another form, and another digest."""
    assert not same(one, other)
    assert digest(one) != digest(other)


class Colour(enum.Enum):
    """An enumeration of a DAG file."""

    RED = 1


class Thing:
    """An object with nothing but an address."""


class Rude:
    """An object whose repr raises."""

    def __repr__(self) -> str:
        raise RuntimeError


def test_objects_have_no_addresses() -> None:
    """Two objects that differ by their address alone have one form; no repr is trusted."""
    assert dump(Thing()) == dump(Thing())
    assert "0x" not in dump(Thing())
    assert {"$object": f"{__name__}.Rude", "text": ""} == encode(Rude())


def test_what_cannot_be_held_is_named() -> None:
    """Functions, classes and enumerations come back as names, and mean the same again."""
    for value in (Colour.RED, Thing, test_objects_have_no_addresses, functools.partial(print)):
        read = decode(encode(value))
        assert isinstance(read, Opaque)
        assert encode(value) == encode(read)


def test_a_dag_file_s_module_has_its_own_name() -> None:
    """Airflow loads a file under a name with a hash of its path, which is left out."""

    def function() -> None:
        """Belong to a DAG file."""

    function.__module__ = f"unusual_prefix_{'0' * 40}_sales"
    function.__qualname__ = "load"

    assert {"$callable": "sales.load"} == encode(function)


@pytest.mark.parametrize(
    "value",
    [
        dt.timedelta(days=1, seconds=2),
        dt.time(1, 2),
        decimal.Decimal("1.10"),
        uuid.UUID(int=5),
        pathlib.PurePosixPath("a/b"),
        float("inf"),
    ],
)
def test_plain_kinds_come_back(value: Any) -> None:
    """Times, decimals and paths are data."""
    assert value == decode(encode(value))


def test_a_value_may_be_endless() -> None:
    """A list that holds itself has a form all the same."""
    endless: list[Any] = []
    endless.append(endless)

    assert "nested too deeply" in dump(endless)
