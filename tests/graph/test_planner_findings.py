"""What the planner finds, word for word, at the line of the task that is mapped."""

from __future__ import annotations

from typing import Any

import pytest
from building import dag, over, planned, task

from pytest_dynadag.bridge.labels import make_labeller
from pytest_dynadag.graph.given import Failed, Given
from pytest_dynadag.graph.planner import plan
from pytest_dynadag.graph.sources import Argument, Concat, Map, Output
from pytest_dynadag.graph.structure import Group, Structure
from pytest_dynadag.location import Location


def messages(structure: Structure, given: Any = None, **options: Any) -> list[str]:
    """Plan and give all findings as they are shown."""
    return [str(finding) for finding in planned(structure, given, **options).findings]


LOAD = task("load", over(region="list_regions"), line=7)


@pytest.mark.parametrize(
    ("output", "what", "remedy"),
    [
        (None, "returns None", "return a list, a tuple or a dict; an empty list for nothing to do"),
        ("eu", "returns a str", "return a list, a tuple or a dict"),
        (3, "returns an int", "return a list, a tuple or a dict"),
        (b"eu", "returns a bytes", "return a list, a tuple or a dict"),
        (
            {"eu"},
            "returns a set",
            "return sorted(...) of it: a list in an order that every process agrees on",
        ),
        (range(2), "returns a range", "return list(...) of it"),
        ((n for n in (1, 2)), "returns a generator", "return list(...) of it"),
    ],
)
def test_an_output_that_cannot_be_mapped_over(output: Any, what: str, remedy: str) -> None:
    """Airflow fails the source; the finding names the line that maps over it, and what to return."""
    structure = dag(task("list_regions", line=3), LOAD)

    assert [
        (
            f"dags/sales.py:7: DYN301 list_regions {what}, but load is mapped over it: Airflow fails list_regions\n"
            f"  next: {remedy}"
        )
    ] == messages(structure, {"list_regions": output})
    assert {"list_regions": "failed", "load": "upstream_failed"} == (
        planned(structure, {"list_regions": output}).states
    )


def test_a_source_without_an_output() -> None:
    """A source that pushes nothing fails, whatever it returns."""
    structure = dag(task("list_regions", pushes_output=False), LOAD)

    assert [
        (
            "dags/sales.py:7: DYN301 list_regions has do_xcom_push=False, but load is mapped over it:"
            " Airflow fails list_regions\n  next: let it push its output"
        )
    ] == messages(structure)


def test_an_output_that_is_too_long() -> None:
    """The limit is on one output."""
    assert [
        (
            "dags/sales.py:7: DYN302 list_regions returns 6 elements, over [core] max_map_length = 5,"
            " but load is mapped over it: Airflow fails list_regions\n"
            "  next: return fewer, larger batches, or raise max_map_length where Airflow runs"
        )
    ] == messages(dag(task("list_regions"), LOAD), {"list_regions": list(range(6))}, max_map_length=5)


def test_the_limit_is_on_one_output_alone() -> None:
    """Neither a literal nor a product is limited."""
    structure = dag(task("a"), task("load", over(x="a", y=[1, 2, 3])), task("more", over(x=[1, 2, 3, 4])))

    assert [] == messages(structure, {"a": [1, 2, 3]}, max_map_length=3)


def test_an_output_of_a_mapped_group() -> None:
    """A task in a mapped group leaves no length that the scheduler would find."""
    group = Group("g", None, over(v=[1, 2]))
    structure = dag(group, task("g.a"), task("load", over(region="g.a"), line=9))

    assert [
        (
            "dags/sales.py:9: DYN303 load is mapped over g.a, which stands in a mapped group:"
            " its length never becomes known, so Airflow ends it upstream_failed\n"
            "  next: collect the group's output in a plain task that returns one list, and map over that"
        )
    ] == messages(structure)


def test_a_group_over_the_argument_of_another() -> None:
    """No run can be created of a group that is mapped over the argument of a group around it."""
    outer = Group("g", None, over(v=[[1], [2]]))
    inner = Group("g.h", "g", over(w=Argument("g", "v")), Location("dags/sales.py", 4))
    structure = dag(outer, inner, task("g.h.a", line=5))

    assert (
        "dags/sales.py:5: DYN303 g.h.a is mapped over the argument of the mapped group g, which Airflow cannot"
        " count: no run can be created (NotImplementedError)\n"
        "  next: make the combinations in a task, and map one group over them"
    ) == messages(structure)[0]


def test_instances_that_share_a_label() -> None:
    """Two instances with one label are told, once per task."""
    pytest.importorskip("jinja2", reason="labels are Jinja templates; without Airflow it may not be there")
    load = task("load", over(region=["eu", "us", "eu"]), line=7, map_index_template="{{ task.region }}")

    expansion = plan(dag(load), Given(), label=make_labeller())

    assert ["eu", "us", "eu"] == list(expansion["load"].labels)
    assert [
        (
            "dags/sales.py:7: DYN304 load[0] and load[2] share the label 'eu'\n"
            "  next: let map_index_template tell them apart, with ti.map_index if nothing else does"
        )
    ] == [str(finding) for finding in expansion.findings]


# -- known defects of Airflow -----------------------------------------------------------------------


def only(found: list[str]) -> str:
    """Give the one message that there is."""
    (message,) = found
    return message


def test_a_branch_in_a_mapped_group() -> None:
    """In 3.2 and 3.3 nothing is skipped."""
    group = Group("g", None, over(v=[1, 2]))
    structure = dag(group, task("g.choose", skips="branch", line=4), task("g.a", after="g.choose"))

    assert (
        "dags/sales.py:4: DYN305 the branch g.choose stands in a mapped group, where Airflow 3.2 and 3.3 skip"
        " nothing: all tasks below it run (apache/airflow#67265)\n"
        "  next: let the tasks below it skip themselves, or choose before the group"
    ) == only(messages(structure))


def test_a_literal_below_a_branch() -> None:
    """Before 3.2 its instances run whatever was chosen."""
    parts = (task("choose", skips="branch"), task("load", over(x=[1, 2]), after="choose", line=5))

    assert (
        "dags/sales.py:5: DYN305 load is mapped over a literal, so choose cannot skip it: Airflow before 3.2 runs its"
        " instances whatever was chosen\n"
        "  next: return the literal from a task, and map over that"
    ) == only(messages(dag(*parts, version="2.11.2")))


def test_a_concat_late_in_a_product() -> None:
    """Airflow 3 fails the indexes past the first block."""
    late = over(day=[1, 2], region=Concat((Output("a"), Output("b"))))
    structure = dag(task("a"), task("b"), task("load", late, line=6))

    assert (
        "dags/sales.py:6: DYN305 region of load is a .concat() and not the first argument of expand(): Airflow 3"
        " counts it too long, and every index past the first block fails with IndexError\n"
        "  next: write region first in expand()"
    ) == only(messages(structure, {"a": [1], "b": [2]}))


def test_nested_mapped_groups() -> None:
    """Nesting is accepted by Airflow and wrong; the finding says what is wrong here."""
    structure = dag(
        Group("g", None, over(v=[1, 2])),
        Group("g.h", "g", over(w=["x", "y"]), Location("dags/sales.py", 8)),
        task("g.up"),
        task("g.h.a", after="g.up", arguments={"o": Argument("g", "v"), "u": Output("g.up")}),
        task("g.collect", after="g.h.a", arguments={"x": Output("g.h.a")}),
    )

    assert (
        "dags/sales.py:8: DYN305 the mapped group g.h stands in the mapped group g, which Airflow accepts and does not"
        " support; wrong here: tasks inside get the argument of g of another index, tasks inside read other indexes of"
        " g, or None, tasks of g lose part of what g.h returned (apache/airflow#30021)\n"
        "  next: make the combinations in a task, and map one group over them"
    ) == only(messages(structure))


def test_mapping_over_a_branch_that_skips() -> None:
    """In Airflow 3 such a branch leaves no output."""
    parts = (
        task("choose", skips="branch"),
        task("mail", after="choose"),
        task("follow", over(x="choose"), line=9),
    )

    assert (
        "dags/sales.py:9: DYN305 follow is mapped over choose, which skips something and then leaves no output in"
        " Airflow 3: follow is never expanded, and ends upstream_failed\n"
        "  next: map over a task of its own that returns the list"
    ) == only(messages(dag(*parts), {"choose": ["follow"]}))


def test_a_rule_that_a_deployment_meets_early() -> None:
    """`dag.test()` finishes a wave before it looks; a deployment does not."""
    parts = (
        task("first", over(x=[1, 2])),
        task("load", over(x="first"), trigger_rule="one_success", line=6),
    )

    assert (
        "dags/sales.py:6: DYN305 load has trigger rule one_success and is mapped over the mapped first: dag.test()"
        " expands it, but a deployment's scheduler meets the rule before every instance of first has ended, and then"
        " ends load upstream_failed (apache/airflow#29202)\n"
        "  next: use a rule that waits for all of them, such as all_done or none_failed"
    ) == only(messages(dag(*parts), {"first": [1, 2]}))


def test_a_state_that_depends_on_memory_addresses() -> None:
    """Two dependencies end an instance in one pass: which wins differs between processes."""
    parts = (task("a"), task("load", over(x="a"), trigger_rule="all_skipped", line=4))

    found = planned(dag(*parts), states={"a": "failed"}).findings

    assert [
        (
            "dags/sales.py:4: DYN305 load is to be skipped and to be upstream_failed at once: which of them Airflow makes of"
            " it depends on memory addresses, and changes from process to process (ti_deps/deps, a set that is iterated)\n"
            "  next: let nothing rest on how load ends, or change its trigger rule"
        )
    ] == [str(finding) for finding in found]


def test_a_task_that_starts_while_a_branch_skips_it() -> None:
    """Under a rule that does not wait for the branch, it is a race."""
    parts = (
        task("list_regions"),
        task("choose", skips="short_circuit", after="list_regions"),
        task("load", after="list_regions choose", trigger_rule="one_success", line=6),
    )

    assert (
        "dags/sales.py:6: DYN110 load starts while a branch above it is deciding to skip it: what happens depends on"
        " which is first\n"
        "  next: use a trigger rule that waits for the branch, such as none_failed"
    ) == only(messages(dag(*parts), {"choose": False}))


def test_a_dict_that_is_looked_up_by_position() -> None:
    """`.map()` and `.zip()` do not work over a dict."""
    structure = dag(task("a"), task("load", over(x=Map(Output("a"), ())), line=4))

    assert (
        "dags/sales.py:4: DYN305 load is mapped over .map() of a dict, which Airflow looks up by position: every index"
        " fails with KeyError\n"
        "  next: return a list of pairs"
    ) == only(messages(structure, {"a": {"k": 1}}))


EARLY = {
    "2.11.2": "before 3.3 skips it before the tasks above it have ended, whatever becomes of them",
    "3.2.2": (
        "3.0 to 3.2 skips it before the tasks above it have ended, runs it all the same, and leaves a removed row, for"
        " which the tasks below may wait for ever"
    ),
}


@pytest.mark.parametrize("version", EARLY)
def test_a_rule_that_skips_before_it_counts(version: str) -> None:
    """Before 3.3, none_failed_min_one_success in a group over an output is skipped at once."""
    structure = dag(
        Group("g", None, over(v="a")),
        task("a"),
        task("g.b", after="a"),
        task("g.c", after="g.b", trigger_rule="none_failed_min_one_success", line=8),
        version=version,
    )

    assert (
        "dags/sales.py:8: DYN305 g.c stands in a mapped group with trigger rule none_failed_min_one_success: Airflow"
        f" {EARLY[version]} (apache/airflow#39801)\n"
        "  next: use none_failed, or map the group over a literal"
    ) == only(messages(structure, {"a": [1]}))


def test_a_task_below_a_group_without_a_length() -> None:
    """Airflow 3.0 cannot start it, though its rule lets it run."""
    structure = dag(
        Group("g", None, over(v="a")),
        task("a"),
        task("g.b", after="a"),
        task("report", after="g.b", trigger_rule="all_done", line=8),
        version="3.0.6",
    )

    assert (
        "dags/sales.py:8: DYN305 report is to run although the mapped group g above it has no length: Airflow 3.0 cannot"
        " start it, and it fails (apache/airflow#52730)\n"
        "  next: let what g is mapped over return an empty list, or move to the newest Airflow 3.1"
    ) == only(messages(structure, {"a": Failed()}))
