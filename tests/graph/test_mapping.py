"""What each mapping form gives each instance; no Airflow needed."""

from __future__ import annotations

import math
from typing import Any

import pytest
from building import dag, inputs_of, over, planned, rows, task
from hypothesis import given
from hypothesis import strategies as st

from pytest_dynadag.graph.expansion import UNKNOWN
from pytest_dynadag.graph.sources import Concat, Function, Literal, Map, Output, Source, Zip

LISTS = st.lists(st.integers(0, 9), max_size=4)


class AirflowSkipException(Exception):  # noqa: N818 - its name is what the planner goes by
    """Stands in for Airflow's."""


def mapped(source: Source, **outputs: Any) -> list[Any]:
    """Give what a task mapped over *source* gets at each index."""
    structure = dag(*(task(name) for name in outputs), task("load", over(x=source)))
    return [inputs.get("x") for inputs in inputs_of(planned(structure, outputs))]


def function(call: Any) -> Function:
    """Make a function as the DAG file has it."""
    return Function(getattr(call, "__name__", "f"), call=call)


def test_the_last_argument_varies_fastest() -> None:
    """A product goes through its arguments like nested loops, in the order of the call."""
    structure = dag(task("load", over(a=[1, 2], b=["x", "y"])))

    assert [
        {"a": 1, "b": "x"},
        {"a": 1, "b": "y"},
        {"a": 2, "b": "x"},
        {"a": 2, "b": "y"},
    ] == inputs_of(planned(structure))


def test_the_order_of_the_call_counts() -> None:
    """Naming the arguments the other way round gives the other order."""
    structure = dag(task("load", over(b=["x", "y"], a=[1, 2])))

    assert [{"b": "x", "a": 1}, {"b": "x", "a": 2}] == inputs_of(planned(structure))[:2]


def test_outputs_and_literals_mix() -> None:
    """An output in a product counts like a literal."""
    structure = dag(task("list_days"), task("load", over(region=["eu", "us"], day="list_days")))

    assert [("eu", 1), ("eu", 2), ("us", 1), ("us", 2)] == [
        tuple(inputs.values()) for inputs in inputs_of(planned(structure, {"list_days": [1, 2]}))
    ]


@pytest.mark.parametrize("output", [[1, 2], (1, 2)])
def test_lists_and_tuples_give_their_items(output: Any) -> None:
    """A tuple is mapped over like a list."""
    assert [1, 2] == mapped(Output("a"), a=output)


def test_a_dict_gives_pairs() -> None:
    """A dict is mapped over as (key, value) tuples, written in the file or returned."""
    assert [("k", 1), ("l", 2)] == mapped(Output("a"), a={"k": 1, "l": 2})
    assert [("k", 1), ("l", 2)] == mapped(Literal({"k": 1, "l": 2}))


def test_rows_give_each_instance_keys_of_its_own() -> None:
    """`expand_kwargs` over a list of dicts makes one instance per dict."""
    structure = dag(task("load", rows([{"a": 1}, {"b": 2, "a": 3}])))

    assert [{"a": 1}, {"b": 2, "a": 3}] == inputs_of(planned(structure))


def test_rows_may_be_an_output_or_hold_outputs() -> None:
    """`expand_kwargs` takes an output, and a literal list may have an output as a row or inside one."""
    whole = dag(task("list_rows"), task("load", rows("list_rows")))
    parts = dag(task("one"), task("load", rows([{"a": Output("one")}, Output("one")])))

    assert [{"a": 1}] == inputs_of(planned(whole, {"list_rows": [{"a": 1}]}))
    assert [{"a": {"a": 7}}, {"a": 7}] == inputs_of(planned(parts, {"one": {"a": 7}}))


@pytest.mark.parametrize(
    "row", [pytest.param(3, id="no dict"), pytest.param({1: 2}, id="keys that are no text")]
)
def test_a_row_of_another_kind_fails_its_instance_alone(row: Any) -> None:
    """What is no row fails when it is the index's turn, not before."""
    structure = dag(task("list_rows"), task("load", rows("list_rows")))

    assert ("success", "failed") == planned(structure, {"list_rows": [{"a": 1}, row]})["load"].states


def test_functions_apply_in_order() -> None:
    """Chained `.map()` calls apply one after the other."""
    source = Map(Output("a"), (function(lambda v: v * 10), function(lambda v: v + 1)))

    assert [11, 21] == mapped(source, a=[1, 2])


def test_a_function_may_skip_or_fail_an_index() -> None:
    """An index whose function skips is skipped, one whose function raises fails; the length stays."""

    def choose(value: int) -> int:
        if value == 2:
            raise AirflowSkipException
        return 6 // value

    structure = dag(task("a"), task("load", over(x=Map(Output("a"), (function(choose),)))))

    assert ("success", "skipped", "failed") == planned(structure, {"a": [1, 2, 0]})["load"].states


def test_a_function_that_is_not_at_hand_leaves_inputs_unknown() -> None:
    """A structure read from JSON has no functions: the length is known, the items are not."""
    assert [UNKNOWN, UNKNOWN] == mapped(Map(Output("a"), (Function("f"),)), a=[1, 2])


def test_map_over_a_dict_fails_every_index() -> None:
    """Airflow looks a dict up by position under `.map()`; so does the plan, and says so."""
    structure = dag(task("a"), task("load", over(x=Map(Output("a"), (function(str),)))))

    expansion = planned(structure, {"a": {"k": 1}})

    assert "failed" == expansion["load"].state
    assert ["DYN305"] == [finding.rule for finding in expansion.findings]


def test_zip_stops_at_its_shortest_part() -> None:
    """Without a fill value a zip is as long as its shortest part."""
    assert [(1, 3)] == mapped(Zip((Output("a"), Output("b"))), a=[1, 2], b=[3])


def test_zip_with_a_fill_value_pads() -> None:
    """With a fill value a zip is as long as its longest part."""
    assert [(1, 3), (2, "?")] == mapped(Zip((Output("a"), Output("b")), "?"), a=[1, 2], b=[3])


def test_concat_appends() -> None:
    """The items of one part come after those of the other; of a dict its keys."""
    assert [1, 2, "k"] == mapped(Concat((Output("a"), Output("b"))), a=[1, 2], b={"k": 3})


def test_sources_nest() -> None:
    """A zip of a concat and a map is what it says."""
    source = Zip((Concat((Output("a"), Output("b"))), Map(Output("c"), (function(str),))))

    assert [(1, "5"), (2, "6")] == mapped(source, a=[1], b=[2], c=[5, 6])


@pytest.mark.parametrize(("version", "states"), [("2.11.2", ("success",)), ("3.3.2", ("success", "failed"))])
def test_concat_late_in_a_product_fails_in_airflow_3(version: str, states: Any) -> None:
    """Airflow 3 counts a concat once per part, so later blocks of a product have no items; Airflow 2 is right."""
    late = over(a=[1, 2], b=Concat((Output("p"), Output("q"))))
    structure = dag(task("p"), task("q"), task("load", late), version=version)

    expansion = planned(structure, {"p": [1], "q": [2]})

    assert states == tuple(dict.fromkeys(expansion["load"].states))
    assert ["DYN305"] * (len(states) - 1) == [finding.rule for finding in expansion.findings]


def test_gaps_close_up() -> None:
    """Over a mapped task, indexes that failed, were skipped or returned None vanish, and the rest close ranks."""
    structure = dag(
        task("first", over(x=[0, 1, 2, 3])), task("load", over(x="first"), trigger_rule="all_done")
    )

    expansion = planned(structure, {"first": ["a", None, "c", "d"]}, {"first[2]": "failed"})

    assert [{"x": "a"}, {"x": "d"}] == inputs_of(expansion)


def test_a_callable_gives_each_instance_its_output() -> None:
    """What is given for a mapped task may be computed from its inputs."""
    structure = dag(task("first", over(x=[1, 2])), task("load", over(y="first")))

    assert [{"y": 10}, {"y": 20}] == inputs_of(planned(structure, {"first": lambda inputs: inputs["x"] * 10}))


@given(LISTS, LISTS, LISTS)
def test_lengths_multiply(a: list[int], b: list[int], c: list[int]) -> None:
    """A product has as many instances as the product of its lengths, each combination once."""
    expansion = planned(dag(task("load", over(a=a, b=b, c=c))))

    assert math.prod(map(len, (a, b, c))) == expansion["load"].count
    assert [(x, y, z) for x in a for y in b for z in c] == [tuple(i.values()) for i in inputs_of(expansion)]


@given(LISTS, LISTS, LISTS)
def test_zip_and_concat_are_what_python_says(a: list[int], b: list[int], c: list[int]) -> None:
    """Zip agrees with `zip`, concat with `+` and with itself however it is bracketed."""
    x, y, z = Output("a"), Output("b"), Output("c")
    outputs = {"a": a, "b": b, "c": c}

    assert list(zip(a, b, c, strict=False)) == mapped(Zip((x, y, z)), **outputs)
    assert a + b + c == mapped(Concat((x, y, z)), **outputs)
    assert mapped(Concat((Concat((x, y)), z)), **outputs) == mapped(Concat((x, Concat((y, z)))), **outputs)
