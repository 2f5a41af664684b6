"""What becomes of a DAG at every size, and how it is said."""

from __future__ import annotations

from building import dag, over, planned, task

from pytest_dynadag.graph.given import Given
from pytest_dynadag.graph.sizes import look_ahead, plan_sizes, runtime_sources, tell_size
from pytest_dynadag.graph.structure import Group

SALES = dag(
    task("list_regions", line=3),
    task("load", over(region="list_regions"), line=5),
    task("report", after="load"),
    task("mail", after="report", trigger_rule="all_done"),
)


def test_every_run_time_source_is_varied() -> None:
    """Each source gets each length while the others have two, and all of them together."""
    structure = dag(task("a"), task("b"), task("load", over(x="a", y="b")))

    plans = plan_sizes(structure, (0, 3))

    assert ("a", "b") == runtime_sources(structure)
    assert {"a=0": 0, "a=3": 6, "b=0": 0, "b=3": 6, "all=0": 0, "all=3": 9} == {
        name: expansion.counts["load"] for name, expansion in plans.items()
    }


def test_without_run_time_sources_there_is_one_plan() -> None:
    """A DAG that is decided when it is written is planned once."""
    assert ["as written"] == list(plan_sizes(dag(task("load", over(x=[1, 2])))))


def test_what_is_given_is_not_varied() -> None:
    """A source with a given output keeps it."""
    assert ["as written"] == list(plan_sizes(SALES, given=Given.of({"list_regions": ["eu"]})))


def test_an_outlook_says_what_happens_to_whom() -> None:
    """One line per size; one element too many is told, and no problem."""
    outlook = look_ahead(SALES)

    assert (
        (
            "with 0 from list_regions: load is skipped, so report is skipped: trigger rule all_success,"
            " mail runs all the same: trigger rule all_done"
        ),
        "with 1 from list_regions: load becomes 1 instance",
        "with 2 from list_regions: load becomes 2 instances",
        "with 5 from list_regions: load becomes 5 instances",
        (
            "with 1025 from list_regions: list_regions fails, so load is upstream_failed,"
            " so report is upstream_failed: trigger rule all_success, mail runs all the same: trigger rule all_done"
        ),
    ) == outlook.lines
    assert ((), ()) == (outlook.problems, outlook.notes)


def test_several_tasks_share_a_clause() -> None:
    """Tasks with the same fate for the same reason are told together."""
    structure = dag(task("a"), task("load", over(x="a")), task("plot", over(x="a")))

    assert "with 2 from a: load and plot become 2 instances" == (
        tell_size(structure, "a=2", plan_sizes(structure)["a=2"])
    )
    assert "with 0 from every source: load and plot are skipped" == (
        tell_size(structure, "all=0", plan_sizes(structure)["a=0"])
    )


def test_only_tasks_that_wait_for_a_source_are_told_of() -> None:
    """What is mapped over something else is the same with every length of it."""
    structure = dag(
        task("a"), task("load", over(x="a")), task("mail", after="load"), task("call", over(n=[1, 2]))
    )
    plans = plan_sizes(structure)

    assert "with 0 from a: load is skipped, so mail is skipped: trigger rule all_success" == (
        tell_size(structure, "a=0", plans["a=0"])
    )


def test_a_dag_without_mapping_has_little_to_say() -> None:
    """Where nothing is mapped, the line says so."""
    assert "as written: no task is mapped" == (
        tell_size(dag(task("a")), "as written", planned(dag(task("a"))))
    )


def test_problems_are_told_from_notes() -> None:
    """What nobody can have meant is a problem; a known defect of Airflow is a note."""
    structure = dag(
        Group("g", None, over(v=[1, 2])),
        task("g.choose", skips="branch"),
        task("g.a", after="g.choose"),
        task("late", over(x="g.a")),
    )

    outlook = look_ahead(structure)

    assert (["DYN303"], ["DYN305"]) == (
        [finding.rule for finding in outlook.problems],
        [finding.rule for finding in outlook.notes],
    )
