"""The planner against random DAGs, really run; `make fuzz N=500` looks further than the suite does."""

from __future__ import annotations

import os
from typing import Any

import pytest
from comparison import MAX_MAP_LENGTH, differences, plan_for, run_and_ask
from hypothesis import HealthCheck, Phase, assume, currently_in_test_context, given, note, settings

from pytest_dynadag.bridge.extract import structure_of
from pytest_dynadag.bridge.home import airflow_version
from pytest_dynadag.bridge.loading import bridge
from pytest_dynadag.errors import GivenError
from pytest_dynadag.graph.expansion import Expansion
from pytest_dynadag.graph.given import Failed, Skipped, parse_key
from pytest_dynadag.graph.structure import Structure
from pytest_dynadag.run.runner import run_dag

DEAR = airflow_version().startswith(
    ("3.0", "3.1", "3.2")
)  # whose dag.test() makes an API server for each instance: seconds
BUDGET = int(os.environ.get("DYNADAG_FUZZ", "3" if DEAR else "60"))
WIDEST = 64


def everything(structure: Structure, known: Any) -> dict[str, Any]:
    """Give how each instance ends, also of those that there may not be."""
    given = {}
    for task in structure.tasks:
        indexes = range(WIDEST) if structure.is_mapped(task) else ()
        given.update(
            {f"{task.task_id}[{i}]": known.tell(task.task_id, i, Failed(), Skipped()) for i in indexes}
        )
        if not indexes:
            given[task.task_id] = known.tell(task.task_id, -1, Failed(), Skipped())
    return given


def plan_all(structure: Structure, given: dict[str, Any]) -> Expansion:
    """Plan with what is given for instances that there are: which ones, the plan itself says, task by task."""
    while True:
        try:
            return plan_for(structure, given, strict=False)
        except GivenError as error:
            task_id, first = parse_key(error.key)
            for key in [key for key in given if parse_key(key)[0] == task_id]:
                if (parse_key(key)[1] or 0) >= (first or 0):
                    del given[key]


def compare(steps: Any) -> None:
    """Plan a DAG from what its tasks are going to do, run it, and compare."""
    from random_dags import Builder

    builder = Builder(steps)
    structure = structure_of(builder.dag)
    planned = plan_all(structure, everything(structure, builder.known))
    if currently_in_test_context():
        note("\n".join(repr(task) for task in structure.tasks))
        assume(can_be_planned(planned))

    run, edges = run_and_ask(builder.dag)

    assert {} == differences(planned, run)
    assert edges == set(planned.edges)
    if bridge().family == "3":  # where Airflow's scheduler has not been asked by `direct`
        assert {} == differences(planned, run_dag(builder.dag, max_map_length=MAX_MAP_LENGTH))


def can_be_planned(planned: Expansion) -> bool:
    """Tell whether what happens is certain: no race, and no row that 3.0 to 3.2 leave removed, below which runs get stuck."""
    return all(
        finding.rule != "DYN110" and "leaves a removed row" not in finding.message
        for finding in planned.findings
    )


@pytest.mark.timeout(60 + 20 * BUDGET)
def test_a_plan_is_what_a_random_dag_does() -> None:
    """Instances, states, inputs, labels and edges agree, whatever is mapped over what and fails or skips where."""
    from random_dags import steps

    phases = [Phase.explicit, Phase.generate, Phase.shrink]
    checks = list(HealthCheck)
    budget = settings(
        max_examples=BUDGET,
        deadline=None,
        derandomize=BUDGET == 60,
        database=None,
        phases=phases,
        suppress_health_check=checks,
    )
    budget(given(steps())(compare))()


@pytest.mark.parametrize("end", ["failed", "skipped"])
def test_a_task_below_a_group_that_has_no_length(end: str) -> None:
    """Found by chance: what stands below runs by its rule, and in 3.0 cannot start."""
    from random_dags import PLAIN, Step

    group = Step("group", over=(("output", 0),), inner=(Step("plain", value=0),))
    below = Step("branch", rule="all_done", value=0, after=(0, 1))

    compare((Step("list", value=[], ends={PLAIN: end}), group, below))


def test_a_rule_in_a_group_that_is_met_before_it_counts() -> None:
    """Found by chance: 2.x skips the instances below, 3.0 to 3.2 skip them and run them all the same."""
    from random_dags import Step

    inner = (Step("plain", value=0), Step("plain", rule="none_failed_min_one_success", value=0, after=(0,)))

    compare((Step("list", value=[0, 1]), Step("group", over=(("output", 0),), inner=inner)))


@pytest.mark.parametrize("over", [(), (("output", 0),)], ids=["plain", "mapped"])
def test_a_source_that_a_branch_skips_as_another_fails(over: tuple[Any, ...]) -> None:
    """Found by chance: what a branch marks is seen no earlier than what fails beside it."""
    from random_dags import Step

    lists = Step("list", value=[0]), Step("list", value=None)
    marked = Step("mapped" if over else "list", value=[], over=over, after=(2,))
    below = Step("mapped", over=(("output", 1), ("output", 3)))

    compare((*lists, Step("branch", value=1), marked, Step("plain", value=0, after=(2,)), below))
