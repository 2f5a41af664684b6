"""What becomes of tasks: which instances there are, and how they end; no Airflow needed."""

from __future__ import annotations

from typing import Any

import pytest
from building import dag, inputs_of, over, planned, task

from pytest_dynadag.errors import GivenError, MissingGivenError, UnknownNameError
from pytest_dynadag.graph.expansion import UNKNOWN
from pytest_dynadag.graph.given import Failed, Skipped
from pytest_dynadag.graph.sources import Argument, Output
from pytest_dynadag.graph.structure import Group

SALES = (task("list_regions"), task("load", over(region="list_regions")), task("report", after="load"))


def states(*parts: Any, given: Any = None, states: Any = None, version: str = "3.3.2") -> dict[str, str]:
    """Plan and give the states."""
    return planned(dag(*parts, version=version), given, states).states


def test_a_fan_out_is_planned() -> None:
    """A task becomes an instance per item, and those around it one each."""
    expansion = planned(dag(*SALES), {"list_regions": ["eu", "us"]})

    assert {"list_regions": 1, "load": 2, "report": 1} == expansion.counts
    assert [{"region": "eu"}, {"region": "us"}] == inputs_of(expansion)
    assert ["load[0]", "load[1]"] == expansion.upstream("report")


def test_nothing_to_map_over_skips() -> None:
    """Over an empty list a task is never expanded and skipped, and so is what waits for it."""
    expansion = planned(dag(*SALES), {"list_regions": []})

    assert {"list_regions": "success", "load": "skipped", "report": "skipped"} == expansion.states
    assert (0, "mapped over nothing") == (expansion["load"].count, expansion["load"].reason)


@pytest.mark.parametrize(("end", "state"), [(Skipped, "skipped"), (Failed("why"), "upstream_failed")])
def test_a_source_that_does_not_succeed_leaves_its_task_unexpanded(end: Any, state: str) -> None:
    """Whatever the trigger rule, a task is not expanded over a source that failed or was skipped."""
    parts = (task("list_regions"), task("load", over(region="list_regions"), trigger_rule="all_done"))

    expansion = planned(dag(*parts), {"list_regions": end})

    assert (0, state) == (expansion["load"].count, expansion["load"].state)


def test_another_upstream_leaves_a_task_unexpanded() -> None:
    """A failure beside the source leaves one placeholder; over a literal the instances are there already."""
    beside = task("check")

    assert (
        "upstream_failed"
        == (
            states(
                beside,
                task("a"),
                task("load", over(x="a"), after="check"),
                given={"a": [1, 2]},
                states={"check": "failed"},
            )["load"]
        )
    )
    assert ["upstream_failed"] * 2 == [
        state
        for key, state in states(
            beside, task("load", over(x=[1, 2]), after="check"), states={"check": "failed"}
        ).items()
        if key.startswith("load[")
    ]


def test_a_rule_met_early_meets_a_length_that_is_not_known() -> None:
    """Under one_success, a task is tried before its later source has ended, and ends upstream_failed."""
    parts = (
        task("first"),
        task("second", after="first"),
        task("load", over(x="second"), after="first", trigger_rule="one_success"),
    )

    expansion = planned(dag(*parts), {"second": [1]})

    assert "upstream_failed" == expansion["load"].state
    assert "never expanded: trigger rule one_success is met before all it is mapped over has ended" == (
        expansion["load"].reason
    )


def test_what_is_seen_first_decides() -> None:
    """A skip in an early wave wins over a failure in a later one, and the other way round."""
    early = (task("a"), task("b"), task("c", after="b"), task("end", after="a c"))

    assert "skipped" == states(*early, states={"a": "skipped", "c": "failed"})["end"]
    assert "upstream_failed" == states(*early, states={"a": "failed", "c": "skipped"})["end"]


def test_states_are_given_per_index() -> None:
    """One index may fail and another be skipped; what maps over them gets the rest."""
    parts = (task("first", over(x=[1, 2, 3])), task("load", over(y="first"), trigger_rule="all_done"))

    expansion = planned(dag(*parts), {"first": ["a", Failed("why"), Skipped]})

    assert ("success", "failed", "skipped") == expansion["first"].states
    assert [{"y": "a"}] == inputs_of(expansion)


def test_a_setup_further_above_constrains() -> None:
    """A task below a setup that it does not depend on directly does not run unless the setup succeeded."""
    parts = (
        task("up", is_setup=True),
        task("first", after="up", trigger_rule="all_done"),
        task("second", after="first", trigger_rule="all_done"),
        task("down", after="up second", is_teardown=True, trigger_rule="all_done_setup_success"),
    )

    assert {"up": "skipped", "first": "success", "second": "skipped", "down": "skipped"} == states(
        *parts, states={"up": "skipped"}
    )


def test_a_teardown_runs_after_failed_work() -> None:
    """A teardown runs if its setup did, whatever became of the work between."""
    parts = (
        task("up", is_setup=True),
        task("work", after="up"),
        task("down", after="up work", is_teardown=True, trigger_rule="all_done_setup_success"),
    )

    assert "success" == states(*parts, states={"work": "failed"})["down"]


def test_lengths_may_stay_unknown() -> None:
    """Without strict, a task over an output that nobody gave is planned as one node with an unknown length."""
    expansion = planned(dag(*SALES), strict=False)

    assert {"list_regions": 1, "load": None, "report": 1} == expansion.counts
    assert "load[?]" in expansion
    assert ["load[?]"] == expansion.upstream("report")


# -- groups -----------------------------------------------------------------------------------------

GROUP = Group("g", None, over(v="list_regions"))


def grouped(rule: str = "all_success", inner: str = "g") -> tuple[Any, ...]:
    """Give a mapped group of two tasks, one after the other, and a task that collects."""
    return (
        GROUP,
        Group("g.inner", "g"),
        task("list_regions"),
        task("g.a", after="list_regions", arguments={"x": Argument("g", "v")}),
        task(f"{inner}.b", after="g.a", trigger_rule=rule, group_id=inner),
        task("collect", after=f"{inner}.b", trigger_rule="all_done"),
    )


def test_every_task_of_a_group_has_its_instances() -> None:
    """Each task of a mapped group has the group's length and inputs; indexes line up one to one."""
    expansion = planned(dag(*grouped()), {"list_regions": ["eu", "us"]})

    assert {"list_regions": 1, "g.a": 2, "g.b": 2, "collect": 1} == expansion.counts
    assert [{"v": "eu"}, {"v": "us"}] == inputs_of(expansion, "g.b")
    assert ["g.a[1]"] == expansion.upstream("g.b[1]")
    assert ["g.b[0]", "g.b[1]"] == expansion.upstream("collect")


@pytest.mark.parametrize("rule", ["one_success", "one_failed", "one_done"])
@pytest.mark.parametrize(
    ("version", "literal"), [("2.11.2", True), ("3.1.8", True), ("3.2.2", True), ("3.3.2", False)]
)
def test_rules_that_want_one_look_at_all_indexes_or_at_their_own(
    rule: str, version: str, literal: bool
) -> None:
    """Before 3.3, in a mapped group one_success and its like look at every index of the task above."""
    expansion = planned(
        dag(*grouped(rule), version=version), {"list_regions": ["eu", "us"]}, {"g.a[1]": "failed"}
    )

    own = {
        "one_success": ("success", "upstream_failed"),
        "one_failed": ("skipped", "success"),
        "one_done": ("success",),
    }[rule]
    assert (("success",) if literal else own) == expansion["g.b"].states


@pytest.mark.parametrize(
    ("version", "state"),
    [
        ("2.11.2", "skipped"),
        ("3.0.6", "success"),
        ("3.1.8", "success"),
        ("3.2.2", "success"),
        ("3.3.2", "success"),
    ],
)
def test_min_one_success_skips_in_a_group_before_3_3(version: str, state: str) -> None:
    """Before 3.3 a task under none_failed_min_one_success counts no row until it is expanded, and is skipped; 3.x runs it."""
    structure = dag(*grouped("none_failed_min_one_success"), version=version)

    expansion = planned(structure, {"list_regions": ["eu"]})

    assert (1, state) == (expansion["g.b"].count, expansion["g.b"].state)  # 2.x expands what it skips
    assert ([] if version == "3.3.2" else ["DYN305"]) == [finding.rule for finding in expansion.findings]


@pytest.mark.parametrize(("version", "state"), [("2.11.2", "skipped"), ("3.3.2", "success")])
def test_a_plain_group_inside_changes_what_is_looked_at(version: str, state: str) -> None:
    """Before 3.3 the rules that look at every index do so directly inside the mapped group alone."""
    structure = dag(*grouped("one_success", "g.inner"), version=version)

    assert state == planned(structure, {"list_regions": ["eu"]})["g.inner.b"].state


def test_an_output_of_a_group_never_has_a_length() -> None:
    """Mapping over a task in a mapped group ends upstream_failed, and is a finding."""
    expansion = planned(dag(*grouped(), task("late", over(x="g.b"))), {"list_regions": ["eu"]})

    assert (0, "upstream_failed") == (expansion["late"].count, expansion["late"].state)
    assert ["DYN303"] == [finding.rule for finding in expansion.findings]


# -- what cannot be meant ---------------------------------------------------------------------------


def test_every_missing_output_is_listed_at_once() -> None:
    """One error names all outputs that decide a length, and who needs them."""
    parts = (
        task("list_regions"),
        task("list_days"),
        task("load", over(region="list_regions"), line=12),
        task("plot", over(region="list_regions", day="list_days"), line=14),
    )

    with pytest.raises(MissingGivenError) as caught:
        planned(dag(*parts), {"list_region": ["eu"]} and {"load": []})

    assert (
        "cannot plan 'sales': 2 upstream outputs are missing from the given\n"
        "  list_regions  needed by load[?] at dags/sales.py:12, plot[?] at dags/sales.py:14\n"
        "  list_days     needed by plot[?] at dags/sales.py:14\n"
        "  next: pass given={'list_regions': [...], 'list_days': [...]},"
        " or strict=False to leave unknown lengths as task[?]"
    ) == str(caught.value)
    assert {"list_regions", "list_days"} == set(caught.value.missing)


def test_an_unknown_task_in_the_given_is_an_error() -> None:
    """A task that the DAG does not have is named with the nearest that it has."""
    with pytest.raises(UnknownNameError) as caught:
        planned(dag(*SALES), {"list_region": ["eu"]})

    assert ("given for DAG 'sales': there is no task 'list_region'; did you mean 'list_regions'?") == str(
        caught.value
    )


def test_a_mapped_task_wants_a_list() -> None:
    """One value for a task of many instances cannot be meant."""
    with pytest.raises(GivenError) as caught:
        planned(dag(*SALES), {"list_regions": ["eu"], "load": "eu loaded"})

    assert (
        "given['load'] for DAG 'sales': load is mapped, so its output is one value per instance, not a str\n"
        "  next: give a list with one entry per index, or a callable of an instance's inputs"
    ) == str(caught.value)


def test_an_index_wants_a_mapped_task() -> None:
    """A plain task has no index."""
    with pytest.raises(GivenError) as caught:
        planned(dag(*SALES), {"report[0]": "done"})

    assert (
        "given['report[0]'] for DAG 'sales': report is not mapped, so it has no index\n  next: write 'report'"
    ) == str(caught.value)


def nested(depth: int) -> Any:
    """Give a list in a list, *depth* times."""
    value: Any = "eu"
    for _ in range(depth):
        value = [value]
    return value


def test_an_output_has_a_bearable_depth() -> None:
    """What is nested beyond what Python follows, or contains itself, is refused; a hundred lists in lists are not."""
    loop: list[Any] = []
    loop.append(loop)

    for value in (nested(5000), loop):
        with pytest.raises(GivenError) as caught:
            planned(dag(*SALES), {"list_regions": [value]})
        assert (
            "given['list_regions'] for DAG 'sales': lists or mappings in it are nested more than 200 deep, "
            "or one contains itself\n  next: give what the tasks that follow look at"
        ) == str(caught.value)
    assert 1 == planned(dag(*SALES), {"list_regions": [nested(100)]}).counts["load"]


def test_a_branch_follows_tasks_that_exist() -> None:
    """A choice that the DAG does not have is an error with the nearest names."""
    parts = (task("choose", skips="branch"), task("load", after="choose"), task("mail", after="choose"))

    with pytest.raises(GivenError) as caught:
        planned(dag(*parts), {"choose": "lod"})

    assert (
        "given['choose'] for DAG 'sales': a branch cannot follow 'lod'; did you mean 'load'?\n"
        "  next: give the id of a task downstream"
    ) == str(caught.value)


def test_other_keys_are_given_by_task_and_key() -> None:
    """An output under another key, inside a literal row, is looked up under that key."""
    from building import rows

    parts = (task("one"), task("load", rows([{"a": Output("one", "k")}]), after="one"))

    assert [{"a": 5}] == inputs_of(planned(dag(*parts), {("one", "k"): 5}))
    assert [{"a": UNKNOWN}] == inputs_of(planned(dag(*parts)))
