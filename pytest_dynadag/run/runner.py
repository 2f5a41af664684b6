"""A run of a DAG: asked for in a test's words, executed by an engine, told as plain data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from typing import Any

from pytest_dynadag.allowances import Accepted, Allowance
from pytest_dynadag.errors import DynadagError, UnknownNameError
from pytest_dynadag.findings import Finding
from pytest_dynadag.graph.expansion import Expansion
from pytest_dynadag.graph.given import RETURN_VALUE, Given, format_key, parse_key
from pytest_dynadag.graph.observed import Seen, gather_expansion
from pytest_dynadag.graph.planner import check_given
from pytest_dynadag.graph.structure import Structure
from pytest_dynadag.named import Named
from pytest_dynadag.run.failures import describe_failures
from pytest_dynadag.run.guard import GUARDED, Verdict, guarded
from pytest_dynadag.run.observation import Observation, ObservedError
from pytest_dynadag.run.part import choose, complete
from pytest_dynadag.run.request import Order, RunRequest
from pytest_dynadag.run.stuck import StuckRunError
from pytest_dynadag.secrecy import find_in_metadata, hide, match_any

ENGINES = ("direct", "airflow")
"""What can execute a DAG: `airflow` is Airflow's own `dag.test()`, `direct` the same without its detours."""


class AtError(DynadagError):
    """A logical date that cannot be read; *text* is what was written."""

    def __init__(self, text: object) -> None:
        self.text = text
        super().__init__(
            f"at={text!r} is no date or time\n  next: pass a datetime, or ISO text such as '2024-05-01T06:00:00Z'"
        )


@dataclass(frozen=True, repr=False)
class Run:
    """
    What a run did.

    Attributes:
        dag_id: The DAG.
        state: How the run ended, as Airflow has it: `success` or `failed`.
        expansion: The instances it had, with their inputs, labels, states and edges.
        states: Instance key to state; a task that was never expanded stands under its id.
        xcoms: Instance key to return value, for those that pushed one.
        errors: Instance key to the exception that failed it, with the line of the DAG file it came through.
        findings: What was noticed, but for what is allowed: DYN201 to DYN204 (tasks created while a task runs).
        allowed: Findings that were allowed, each with the reason.
        seconds: How long the run took.
    """

    dag_id: str
    state: str
    expansion: Expansion
    xcoms: Mapping[str, Any]
    errors: Mapping[str, ObservedError]
    seconds: float
    observation: Observation = field(repr=False)
    findings: tuple[Finding, ...] = ()
    allowed: tuple[Accepted, ...] = ()

    def __repr__(self) -> str:
        found = f", {len(self.findings)} findings" if self.findings else ""
        return (
            f"<Run of {self.dag_id!r}: {self.state}, {len(self.expansion)} instances, "
            f"{len(self.errors)} failed{found}, {self.seconds:.2f} s>"
        )

    @property
    def success(self) -> bool:
        """
        Whether the run ended in success, and did what it says.

        A run in which a task creates operators, dependencies or DAGs (DYN201 to DYN204) is green in Airflow, and
        does not do what was meant: its `state` is `success`, and this is False, unless the finding is allowed.
        """
        return self.state == "success" and not any(each.rule in GUARDED for each in self.findings)

    @property
    def secrets(self) -> frozenset[str]:
        """What was given to the run and nobody may read."""
        return self.observation.secrets

    @property
    def states(self) -> dict[str, str]:
        """Instance key to state; a task that was never expanded stands under its id."""
        return self.expansion.states

    def xcom(self, task: str, key: str = RETURN_VALUE, index: int | None = None) -> Any:
        """
        Give what a task left under *key*.

        Args:
            task: The task's id, or the key of an instance such as `load[0]`.
            key: The XCom key.
            index: The map index, None for a task without one.

        Raises:
            UnknownNameError: There is no such XCom; the nearest are named.
        """
        __tracebackhide__ = True
        task_id, own_index = parse_key(task) if index is None else (task, index)
        wanted = (task_id, -1 if own_index is None else own_index, key)
        if wanted not in self.observation.xcoms:
            known = [_name_xcom(*found) for found in self.observation.xcoms]
            raise UnknownNameError("XCom", _name_xcom(*wanted), known, where=f"the run of {self.dag_id!r}")
        return self.observation.xcoms[wanted]

    def to_text(self) -> str:
        """Write what the run became for people, as a tree; see `graph.text`."""
        from pytest_dynadag.graph.text import to_text

        return to_text(self.expansion, title=f"{self.dag_id} ({self.state})")

    def to_mermaid(self) -> str:
        """Write what the run became as a Mermaid flowchart; see `graph.mermaid`."""
        return self.expansion.to_mermaid()

    def _repr_html_(self) -> str:
        """Show what the run became as a table in a notebook; see `graph.notebook`."""
        from pytest_dynadag.graph.notebook import to_html

        return to_html(self.expansion, title=f"{self.dag_id}: {self.state}, {self.seconds:.2f} s")

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Give a notebook every form it may show: a table, a drawing, text."""
        from pytest_dynadag.graph.notebook import bundle

        return bundle(self)

    def describe(self) -> str:
        """Give what went wrong in words: the failing instances, why, where, and what they said last."""
        return hide(describe_failures(self.observation), match_any(self.secrets))

    def logs(self, key: str) -> str:
        """Give what one instance printed and logged, and nothing of any other's."""
        __tracebackhide__ = True
        return self.observation.logs(key)


def run_dag(
    dag: Any,
    *,
    given: Mapping[Any, Any] | None = None,
    states: Mapping[str, str] | None = None,
    params: Mapping[str, Any] | None = None,
    conf: Mapping[str, Any] | None = None,
    variables: Mapping[str, Any] | None = None,
    connections: Mapping[str, Any] | None = None,
    env: Mapping[str, str | None] | None = None,
    at: datetime | date | str | None = None,
    engine: str = "direct",
    order: Order = None,
    max_map_length: int = 1024,
    siblings: Iterable[Any] = (),
    allow: Sequence[Allowance] = (),
    only: Iterable[str] | None = None,
    until: str | None = None,
) -> Run:
    """
    Execute an Airflow DAG object and observe it.

    Args:
        dag: As its author holds it; as before afterwards.
        given: Outputs by task id, see `Given`; given tasks are not executed.
        states: `skipped` or `failed` by task id or instance key.
        params: Values for the DAG's params.
        conf: The run's configuration.
        variables: Airflow Variables that the tasks see.
        connections: Airflow Connections that the tasks see.
        env: Environment variables that the tasks see; None removes one.
        at: The logical date, at which the clock stands still; with `direct` it jumps where something would wait.
        engine: One of `ENGINES`.
        order: None (by task, then index), `"reverse"`, or a number that seeds another order.
        max_map_length: `[core] max_map_length`, in elements.
        siblings: Further DAG objects that the run may trigger.
        allow: Findings that are accepted.
        only: The ids of the tasks that run; what they need from others must be given.
        until: The id of a task that runs with all that it waits for.

    Raises:
        DynadagError: What was asked for cannot be done, or the run cannot finish; each kind says which and why.
    """
    from pytest_dynadag.bridge.extract import structure_of

    structure = structure_of(dag)
    known = Given.of(given, states, params=params, conf=conf, max_map_length=max_map_length)
    check_given(structure, known)
    if only or until:
        dag = part_of(dag, structure, known, only, until)
    request = RunRequest(
        known, read_moment(at), order, variables or {}, connections or {}, env or {}, tuple(siblings)
    )
    return _execute(dag, request, choose_engine(engine), allow)


def _execute(
    dag: Any, request: RunRequest, run: Callable[[Any, RunRequest], Observation], allow: Sequence[Allowance]
) -> Run:
    from pytest_dynadag.bridge.extract import structure_of

    structure = structure_of(dag)
    with guarded(dag) as guard:
        try:
            observation = run(dag, request)
        except StuckRunError as stuck:
            stuck.add_findings(guard.judge({}, "running", allow).findings)
            raise
    observation = observation.hide(find_in_metadata(request.variables, request.connections))
    return tell(structure, observation, guard.judge(observation.returned, observation.state, allow))


def choose_engine(name: str) -> Callable[[Any, RunRequest], Observation]:
    """Give the function that runs a DAG; *name* is one of `ENGINES`."""
    if name not in ENGINES:
        raise UnknownNameError("engine", name, ENGINES, where="run(engine=...)")
    if name == "airflow":
        from pytest_dynadag.run.engines.dag_test import run_with_dag_test

        return run_with_dag_test
    from pytest_dynadag.run.engines.direct import run_directly

    return run_directly


def warm_up(engine: str) -> None:
    """Run a DAG of two tasks: what is loaded for it, which takes more than a second, later runs have."""
    from pytest_dynadag.bridge.loading import bridge

    choose_engine(engine)(bridge().make_smallest_dag(), RunRequest())


def part_of(
    dag: Any, structure: Structure, given: Given, only: Iterable[str] | None, until: str | None
) -> Any:
    """Give a DAG object that has only the tasks which are to run, and those given tasks that they need."""
    from pytest_dynadag.bridge.loading import bridge
    from pytest_dynadag.bridge.parts import take_part

    airflow = bridge()
    chosen = choose(structure, only, until)
    kept = complete(structure, chosen, given, lambda task_id: airflow.references_of(dag.task_dict[task_id]))
    return take_part(dag, kept)


def tell(structure: Structure, observation: Observation, verdict: Verdict) -> Run:
    """Join what an engine observed with the structure it ran, to what a test asks about."""
    seen = (
        Seen(i.task_id, i.index, i.state, i.label, observation.inputs.get((i.task_id, i.index), {}))
        for i in observation.instances
    )
    return Run(
        dag_id=structure.dag_id,
        state=observation.state,
        expansion=gather_expansion(structure, seen),
        xcoms=observation.returned,
        errors=Named(
            {format_key(*key): error for key, error in observation.errors.items()},
            what="failed instance",
            where=f"the run of {structure.dag_id!r}",
        ),
        seconds=observation.seconds,
        observation=observation,
        findings=verdict.findings,
        allowed=verdict.allowed,
    )


def read_moment(at: datetime | date | str | None) -> datetime | None:
    """
    Read a point in time; without a zone it is UTC.

    Raises:
        AtError: It is none.
    """
    if at is None or isinstance(at, datetime):
        return at
    if isinstance(at, date):
        return datetime(at.year, at.month, at.day, tzinfo=timezone.utc)
    try:
        moment = datetime.fromisoformat(str(at).replace("Z", "+00:00"))
    except ValueError:
        raise AtError(at) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _name_xcom(task_id: str, index: int, key: str) -> str:
    name = format_key(task_id, index)
    return name if key == RETURN_VALUE else f"{name} {key}"
