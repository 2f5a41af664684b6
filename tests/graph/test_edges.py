"""Dependencies between instances: all to all, index by index, block by block, and never counted out unasked."""

from __future__ import annotations

import time

from building import dag, over, planned, task
from hypothesis import given
from hypothesis import strategies as st

from pytest_dynadag.graph.edges import Dependency, Nodes
from pytest_dynadag.graph.sources import Argument
from pytest_dynadag.graph.structure import Group


def nodes(name: str, count: int | None) -> Nodes:
    """Make the nodes of a task."""
    return Nodes(name, count, name)


def test_between_mapped_tasks_all_wait_for_all() -> None:
    """Two mapped tasks are not paired index by index, whatever their lengths."""
    expansion = planned(dag(task("a", over(x=[1, 2])), task("b", over(x=[1, 2]), after="a")))

    assert [("a[0]", "b[0]"), ("a[1]", "b[0]"), ("a[0]", "b[1]"), ("a[1]", "b[1]")] == list(expansion.edges)
    assert 4 == expansion.edge_count


def test_inside_a_group_each_waits_for_its_own() -> None:
    """Tasks of one mapped group are paired index by index."""
    expansion = planned(dag(Group("g", None, over(v=[1, 2, 3])), task("g.a"), task("g.b", after="g.a")))

    assert [(f"g.a[{i}]", f"g.b[{i}]") for i in range(3)] == list(expansion.edges)
    assert (["g.a[1]"], ["g.b[1]"]) == (expansion.upstream("g.b[1]"), expansion.downstream("g.a[1]"))


def test_between_groups_all_wait_for_all() -> None:
    """Two mapped groups are not paired, even if one is mapped over the same list."""
    first, second = Group("g", None, over(v=[1, 2])), Group("h", None, over(v=[1, 2]))

    expansion = planned(dag(first, second, task("g.a"), task("h.a", after="g.a")))

    assert ["g.a[0]", "g.a[1]"] == expansion.upstream("h.a[1]")


def test_an_inner_group_waits_for_the_index_around_it() -> None:
    """Each instance of a nested group waits for the instance of the outer group that it stands in."""
    structure = dag(
        Group("g", None, over(v=[1, 2])),
        Group("g.h", "g", over(w=["x", "y"])),
        task("g.up", arguments={"v": Argument("g", "v")}),
        task("g.h.a", after="g.up"),
        task("g.h.b", after="g.h.a"),
    )

    expansion = planned(structure)

    assert [
        ("g.up[0]", "g.h.a[0]"),
        ("g.up[0]", "g.h.a[1]"),
        ("g.up[1]", "g.h.a[2]"),
        ("g.up[1]", "g.h.a[3]"),
    ] == (list(expansion.edges)[:4])
    assert ["g.h.a[3]"] == expansion.upstream("g.h.b[3]")


def test_a_task_that_was_never_expanded_is_one_node() -> None:
    """A placeholder has one edge to each side."""
    expansion = planned(dag(task("a"), task("b", over(x="a")), task("c", after="b")), {"a": []})

    assert [("a", "b"), ("b", "c")] == list(expansion.edges)


def test_ten_thousand_times_ten_thousand_cost_nothing() -> None:
    """Edges are counted without being counted out."""
    many = list(range(10_000))
    structure = dag(task("a", over(x=many)), task("b", over(x=many), after="a"))
    begun = time.process_time()

    expansion = planned(structure)

    assert 100_000_000 == expansion.edge_count
    assert time.process_time() - begun < 2


@given(st.integers(1, 4), st.integers(1, 4), st.sampled_from(["all", "index", "block"]))
def test_both_directions_tell_the_same_edges(outer: int, width: int, kind: str) -> None:
    """What an instance waits for, what waits for it, the pairs and their number agree."""
    upstream = nodes("a", outer if kind == "index" else outer * width)
    dependency = Dependency(upstream, nodes("b", outer * width), kind, outer)

    pairs = set(dependency.pairs())
    forth = {
        (f"a[{i}]", f"b[{j}]")
        for j in range(outer * width)
        for i in dependency.upstream_indexes(j) or range(upstream.number)
    }
    back = {
        (f"a[{i}]", f"b[{j}]")
        for i in range(upstream.number)
        for j in (
            range(outer * width)
            if dependency.downstream_indexes(i) is None
            else dependency.downstream_indexes(i) or ()
        )
    }

    assert pairs == forth == back
    assert len(pairs) == dependency.number
