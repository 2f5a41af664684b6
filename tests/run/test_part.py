"""Running a part of a DAG: what runs, what must be given, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_dynadag.errors import GivenError, MissingGivenError, UnknownNameError
from pytest_dynadag.run.runner import ENGINES, run_dag

LoadDag = Callable[[str], Any]

SALES = """
    with DAG("sales", **START):
        @task
        def connect():
            raise RuntimeError("connected")

        @task
        def list_regions():
            return ["eu", "us"]

        @task
        def load(region, rate):
            return f"{region} loaded at {rate}"

        @task
        def read_rate():
            return 2

        @task
        def report(loaded):
            return sorted(loaded)

        connect() >> (regions := list_regions())
        report(load.partial(rate=read_rate()).expand(region=regions))
"""


@pytest.mark.parametrize("engine", ENGINES)
def test_only_the_named_tasks_run_on_what_is_given(load_dag: LoadDag, engine: str) -> None:
    """What the part needs is given; tasks that only come before it, and all that follow, are not there."""
    given = {"list_regions": ["ap"], "read_rate": 7}

    run = run_dag(load_dag(SALES), only=["load"], given=given, engine=engine)

    assert run.states == {"list_regions": "success", "load[0]": "success", "read_rate": "success"}
    assert run.xcoms["load[0]"] == "ap loaded at 7"


def test_until_runs_what_a_task_waits_for(load_dag: LoadDag) -> None:
    """A task with all that it waits for runs; what is given is not executed, what follows is not there."""
    run = run_dag(load_dag(SALES), until="load", given={"connect": None})

    assert sorted(run.states) == ["connect", "list_regions", "load[0]", "load[1]", "read_rate"]
    assert run.xcoms["load[1]"] == "us loaded at 2"


def test_what_a_given_mapped_task_is_mapped_over_is_needed_too(load_dag: LoadDag) -> None:
    """A given that has one entry per index needs the length as well."""
    given = {"load": ["a", "b"], "list_regions": ["eu", "us"]}

    assert run_dag(load_dag(SALES), only="report", given=given).xcoms["report"] == ["a", "b"]


def test_all_that_is_missing_is_listed_at_once(load_dag: LoadDag) -> None:
    """A part that needs several outputs names them all, whole message."""
    dag = load_dag(SALES)

    with pytest.raises(MissingGivenError) as caught:
        run_dag(dag, only=["load"])

    where = str(caught.value).split("load at ")[1].split("\n")[0]
    assert where.startswith(dag.fileloc)
    assert str(caught.value) == (
        "cannot run a part of 'sales': 2 upstream outputs are missing from the given\n"
        f"  list_regions  needed by load at {where}\n"
        f"  read_rate     needed by load at {where}\n"
        "  next: pass given={'list_regions': [...], 'read_rate': [...]}, or run more of the DAG"
    )


def test_a_given_that_the_part_does_not_need_is_refused(load_dag: LoadDag) -> None:
    """An unused given is a slip, whole message."""
    given = {"list_regions": [], "read_rate": 1, "connect": None}

    with pytest.raises(GivenError) as caught:
        run_dag(load_dag(SALES), only=["load"], given=given)

    assert str(caught.value) == (
        "given['connect'] for DAG 'sales': the part that runs does not need it\n"
        "  next: leave it out, or run more of the DAG"
    )


@pytest.mark.parametrize("part", [{"only": ["lod"]}, {"until": "lod"}])
def test_a_part_names_tasks_that_exist(load_dag: LoadDag, part: dict[str, Any]) -> None:
    """A slip in a task id names the nearest."""
    with pytest.raises(UnknownNameError, match="did you mean 'load'"):
        run_dag(load_dag(SALES), **part)
