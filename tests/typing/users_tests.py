"""A user's tests, with every public call: type-checked as part of `make lint`, and never run."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from typing_extensions import assert_type

from pytest_dynadag import (
    UNKNOWN,
    ArgumentError,
    Bag,
    Determinism,
    DisagreementError,
    Divergence,
    Dynadag,
    DynadagError,
    Expansion,
    Failed,
    Finding,
    GivenError,
    GivenFunctionError,
    Instance,
    Location,
    MissingGivenError,
    NotDeterministicError,
    Run,
    Sizes,
    Skipped,
    Structure,
    StuckRunError,
    TaskExpansion,
    UnknownNameError,
)


def test_load(dynadag: Dynadag) -> None:
    """A file or a folder is given as text or as a path, or left out; DAGs are Airflow's own objects."""
    bag = dynadag.load("dags/tenants.py", variables={"tenants": ["a"]}, connections={"db": "sqlite://"})

    assert_type(bag, Bag)
    assert_type(dynadag.load(Path("dags"), env={"STAGE": "test", "HOME": None}), Bag)
    assert_type(dynadag.load().structures, dict[str, Structure])
    assert sorted(bag.dags) == ["tenant_a"]
    assert not bag.import_errors
    tasks: Any = bag.dags["tenant_a"].tasks
    assert tasks


def test_plan(dynadag: Dynadag, dynadag_snapshot: SnapshotAssertion) -> None:
    """What is given is plain data, a state in its place, or a function of an instance's inputs."""
    plan = dynadag.plan(
        "sales",
        given={
            "list_regions": ["eu", "us"],
            "load": lambda inputs: f"{inputs['region']} loaded",
            ("list_regions", "count"): 2,
            "check": Skipped(),
            "clean": [Skipped("nothing there"), Failed("no space")],
        },
        states={"check": "skipped", "load[1]": "failed"},
        params={"day": "2024-05-01"},
        conf={"full": True},
        strict=False,
        variables={"regions": "eu,us"},
        connections={"warehouse": {"conn_type": "postgres", "host": "db"}},
        env={"STAGE": "test"},
    )

    assert_type(plan, Expansion)
    assert_type(plan.states, dict[str, str])
    assert_type(plan.instances, tuple[Instance, ...])
    assert_type(plan.upstream("report"), list[str])
    assert_type(plan.downstream("list_regions"), list[str])
    assert_type(plan.findings, tuple[Finding, ...])
    assert_type(plan.edge_count, int)
    assert_type(list(plan.edges), list[tuple[str, str]])
    assert_type(plan.to_text(), str)
    assert_type(plan.to_mermaid(), str)
    assert_type(Expansion.from_dict(plan.to_dict()), Expansion)
    assert plan.counts == {"list_regions": 1, "load": 2, "report": 1}
    assert plan["load"].inputs == [{"region": "eu"}, {"region": "us"}]
    assert plan == dynadag_snapshot
    assert not plan.diff(plan, states=True)


def test_parts_of_a_plan(dynadag: Dynadag) -> None:
    """A task and an instance are named alike; annotations say which is meant."""
    plan = dynadag.plan("sales", strict=False)
    load: TaskExpansion = plan["load"]
    first: Instance = plan["load[0]"]

    assert_type(load.count, "int | None")
    assert_type(load.state, str)
    assert_type([instance.key for instance in load], list[str])
    assert_type(first.index, "int | None")
    assert_type(first.state, str)
    assert first.label is not UNKNOWN


def test_findings(dynadag: Dynadag) -> None:
    """A finding says which rule, which DAG, where, what and what to do."""
    for finding in dynadag.plan("sales").findings:
        assert_type(finding.rule, str)
        assert_type(finding.dag_id, "str | None")
        assert_type(finding.location, "Location | None")
        assert_type(finding.message, str)
        assert_type(finding.remedy, str)
        if finding.location:
            assert_type(finding.location, Location)
            assert_type(finding.location.line, int)


def test_run(dynadag: Dynadag) -> None:
    """A run has what its instances were, returned and said."""
    run = dynadag.run(
        "sales",
        given={"list_regions": ["eu"]},
        at=datetime(2024, 5, 1, tzinfo=timezone.utc),
        engine="airflow",
        order="reverse",
        only=["load"],
        until="load",
    )

    assert_type(run, Run)
    assert_type(run.state, str)
    assert_type(run.success, bool)
    assert_type(run.states, dict[str, str])
    assert_type(run.expansion, Expansion)
    assert_type(run.findings, tuple[Finding, ...])
    assert_type(run.logs("load[0]"), str)
    assert_type(run.seconds, float)
    assert run.xcoms["load[0]"] == run.xcom("load", index=0)
    assert [str(error) for error in run.errors.values()] == []
    assert_type(dynadag.write_case(run), str)
    assert_type(dynadag.write_case(run, "monday", dag=object()), str)
    dynadag.assert_same(dynadag.plan("sales", given=run.xcoms), run.expansion)


def test_determinism(dynadag: Dynadag) -> None:
    """A verdict lists what differs, what depends on what, and what was not looked at."""
    found = dynadag.check_determinism(
        "dags/sales.py", circumstances=["hash_seed", "-clock"], seeds=3, given={"list_regions": []}, runs=2
    )

    assert_type(found, Determinism)
    assert_type(found.ok, bool)
    assert_type(found.divergences, tuple[Divergence, ...])
    assert_type(found.not_checked, tuple[str, ...])
    for divergence in found.divergences:
        assert_type(divergence.circumstance, str)
        assert_type(divergence.pointer, str)
        assert_type(divergence.location, "Location | None")
        assert_type(divergence.seen_by_airflow, "bool | None")
    dynadag.assert_deterministic(Path("dags"), seeds=3)


def test_sizes(dynadag: Dynadag) -> None:
    """Plans by name."""
    sizes = dynadag.sizes("sales", lengths=(0, 1))

    assert_type(sizes, Sizes)
    assert_type(sizes["list_regions=0"], Expansion)
    assert_type(sizes.to_text(), str)


@pytest.mark.parametrize(
    "error",
    [
        ArgumentError,
        DisagreementError,
        GivenError,
        GivenFunctionError,
        MissingGivenError,
        NotDeterministicError,
        StuckRunError,
        UnknownNameError,
    ],
)
def test_errors(dynadag: Dynadag, error: type[Exception]) -> None:
    """Errors are caught by their class, and carry their data."""
    with pytest.raises(error):
        dynadag.plan("sales")
    with pytest.raises(DynadagError):
        dynadag.run("sales")
    with pytest.raises(NotDeterministicError) as caught:
        dynadag.assert_deterministic("sales")
    assert_type(caught.value.determinism, Determinism)


def test_what_cannot_be_meant_is_an_error(dynadag: Dynadag) -> None:
    """A wrong argument is seen by the type checker: were one of these right, its comment would be an error."""
    dynadag.plan("sales", given=["eu"])  # type: ignore[arg-type]
    dynadag.plan("sales", outputs={})  # type: ignore[call-arg]
    dynadag.plan("sales", {"list_regions": []})  # type: ignore[call-arg]
    dynadag.plan("sales", states={"load": Skipped()})  # type: ignore[dict-item]
    dynadag.run("sales", engine=1)  # type: ignore[arg-type]
    dynadag.run("sales", only=3)  # type: ignore[arg-type]
    dynadag.run("sales", at=20240501)  # type: ignore[arg-type]
    dynadag.run("sales", order="backwards")  # type: ignore[arg-type]
    dynadag.load(3)  # type: ignore[arg-type]
    dynadag.load(env={"STAGE": 1})  # type: ignore[dict-item]
    dynadag.check_determinism("sales", seeds="3")  # type: ignore[arg-type]
    dynadag.assert_deterministic("sales", seed=3)  # type: ignore[call-arg]
    dynadag.sizes("sales", lengths=["1"])  # type: ignore[list-item]
    Skipped(why=3)  # type: ignore[arg-type]
    Finding("DYN101")  # type: ignore[call-arg]
    dynadag.plan("sales").count  # type: ignore[attr-defined]  # noqa: B018
    dynadag.plan("sales").state = "success"  # type: ignore[attr-defined]
