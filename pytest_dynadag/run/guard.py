"""The guard: what tasks and callbacks make while a DAG runs becomes findings, each with what to write instead."""

# Airflow makes task instances from the DAG as it was when the run began; afterwards only mapped tasks gain some. What
# a task makes changes the object of its own worker, and nothing else: most such runs are green. So the guard is always
# on, and such a run does not count as a success.
# Innocent: an operator that is used on the spot (`Operator(...).execute(context)`) and that goes nowhere.

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pytest_dynadag.allowances import Accepted, Allowance, find_reason
from pytest_dynadag.bridge.creations import Attempt, Node, Notes, watched_creations
from pytest_dynadag.bridge.keeping import DagShape, refer_to
from pytest_dynadag.errors import enumerate_some
from pytest_dynadag.findings import Finding
from pytest_dynadag.graph.given import format_key
from pytest_dynadag.location import Location
from pytest_dynadag.run.advice import CALLBACK, Output, advise

GUARDED = ("DYN201", "DYN202", "DYN203", "DYN204")
"""The rules of which a finding keeps a run from being a success."""

_NEVER = "Airflow never schedules {}: task instances are made from the DAG as it was when the run began"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The findings of a run, and those that are allowed, each with the reason."""

    findings: tuple[Finding, ...] = ()
    allowed: tuple[Accepted, ...] = ()


@contextmanager
def guarded(dag: Any) -> Iterator[Guard]:
    """
    Notice what is made while *dag* runs, in whichever engine; the DAG object is as before afterwards.

    Source: Airflow 2.11.2 and 3.3.2, in which such a run is green unless an operator is put into an XCom.
    """
    guard = Guard(dag)
    try:
        with watched_creations(dag, guard.note):
            yield guard
    finally:
        guard.shape.restore()


@dataclass(slots=True)
class _Spot:
    """What one task, or its callbacks, did at one line; of each instance, what its last try did."""

    rule: str
    attempt: Attempt
    place: Location | None
    tries: dict[int, tuple[int, list[Any]]] = field(default_factory=dict)

    def add(self, attempt: Attempt, thing: Any) -> None:
        """Add what an attempt did; a further try does it all over."""
        number, things = self.tries.get(attempt.map_index, (-1, []))
        things = things if number == attempt.number else []
        things.append(thing)
        self.tries[attempt.map_index] = attempt.number, things

    @property
    def things(self) -> list[Any]:
        """All of them."""
        return [thing for _, things in self.tries.values() for thing in things]

    @property
    def doer(self) -> str:
        """The task and the instances of a mapped one, or whose callback it is."""
        if self.attempt.kind == "dag":
            return "a callback of the DAG"
        task_id, of = self.attempt.task_id, "a callback of " if self.attempt.kind == "callback" else ""
        first = format_key(task_id, min(self.tries))
        if len(self.tries) == 1:
            return f"{of}task {first!r}"
        return f"{of}task {task_id!r} ({len(self.tries)} instances, {first} ...)"


class Guard:
    """Takes notes while a DAG runs; `judge` turns them into findings."""

    def __init__(self, dag: Any) -> None:
        self.dag, self.shape = dag, DagShape(dag)
        self.spots: dict[tuple[Any, ...], _Spot] = {}

    def note(self, attempt: Attempt, notes: Notes) -> None:
        """Keep what was made, and put back the DAG object, as if the worker that did it were gone."""
        for rule, place, thing in _sort_out(notes):
            key = (attempt.task_id, rule, attempt.kind, place)
            self.spots.setdefault(key, _Spot(rule, attempt, place)).add(attempt, thing)
        self.shape.restore()

    def judge(self, returned: Mapping[str, Any], state: str, allow: Sequence[Allowance] = ()) -> Verdict:
        """
        Turn the notes of a run into findings.

        Args:
            returned: Instance key to return value.
            state: How the run ended.
            allow: What is accepted.
        """
        findings, allowed = [], []
        for (task_id, rule, *_), spot in sorted(self.spots.items(), key=lambda item: item[0][:2]):
            message, remedy = _SAY[rule](self, spot, returned)
            if rule == "DYN201" and state == "success":
                message += ". The run ended success all the same"
            finding = Finding(rule, self.dag.dag_id, spot.place, f"{spot.doer} {message}", remedy)
            if reason := find_reason(finding, allow, task_id):
                allowed.append((finding, reason))
            else:
                findings.append(finding)
        return Verdict(tuple(findings), tuple(allowed))

    def say_made(self, spot: _Spot, returned: Mapping[str, Any]) -> tuple[str, str]:
        """DYN201."""
        nodes: list[Node] = spot.things
        does, where = ("puts", " into the DAG") if nodes[0].elsewhere else ("makes", "")
        never = _NEVER.format("it" if len(nodes) == 1 else "them")
        return f"{does} {_count(nodes)}{where} while it runs. {never}", self.advise(spot, nodes, returned)

    def say_pushed(self, spot: _Spot, returned: Mapping[str, Any]) -> tuple[str, str]:
        """DYN202."""
        key, first, error = spot.things[0]
        nodes = [node for _, node, _ in spot.things]
        how = "returns" if key == "return_value" else f"pushes, as {key!r},"
        fate = f"It was stored, and whoever pulls it gets a copy. {_NEVER.format('one')}"
        if error is not None:
            why = str(error).strip().partition("\n")[0].partition(". ")[0]
            fate = f"An XCom is data, and storing this failed with {type(error).__name__}: {why}"
        remedy = f"hand on the data that is needed of it, such as its id: {first.name!r}"
        if first.place is not None:
            remedy = self.advise(spot, nodes, returned)
        return f"{how} {_count(nodes)} through XCom. {fate}", remedy

    def say_linked(self, spot: _Spot, returned: Mapping[str, Any]) -> tuple[str, str]:
        """DYN203."""
        links = list(dict.fromkeys(f"{upstream} >> {downstream}" for upstream, downstream in spot.things))
        number = "a dependency" if len(links) == 1 else f"{len(links)} dependencies"
        shown = ", ".join(links[:3]) + (f" and {len(links) - 3} more" if len(links) > 3 else "")
        message = (
            f"sets {number} while it runs ({shown}). Airflow takes dependencies from the DAG as it was when the run "
            "began: this changes neither this run nor a later one"
        )
        return message, (
            "set it in the DAG itself; where data decides what follows, let a branch (`@task.branch`) return the ids "
            f"of the tasks to go on with:\n    {links[0]}"
        )

    def say_dags(self, spot: _Spot, returned: Mapping[str, Any]) -> tuple[str, str]:
        """DYN204."""
        dags = [dag for dag, _ in spot.things]
        nodes = [node for _, tasks in spot.things for node in tasks]
        what = (
            f"{'DAG' if len(dags) == 1 else f'{len(dags)} DAGs'} {enumerate_some([dag.name for dag in dags])}"
        )
        message = (
            f"makes {what}{f' with {_count(nodes)}' if nodes else ''} while it runs. Airflow knows the DAGs that "
            "parsing a file gives, and no others: nothing is ever scheduled from this one"
        )
        if not nodes:
            return message, "make the DAG at the top of a DAG file, and start it with a TriggerDagRunOperator"
        return message, f"have its tasks in {self.dag.dag_id!r}; {self.advise(spot, nodes, returned)}"

    def advise(self, spot: _Spot, nodes: Sequence[Node], returned: Mapping[str, Any]) -> str:
        """Return what to write instead of operators."""
        task = self.dag.task_dict.get(spot.attempt.task_id)
        if task is None or spot.attempt.kind != "task":
            return CALLBACK.format(nodes[0].class_name)
        before = [self.dag.task_dict[each] for each in sorted(task.upstream_task_ids) if each in returned]
        known = [Output(each.task_id, refer_to(each), returned[each.task_id]) for each in before]
        return advise(nodes, Output(task.task_id, refer_to(task)), known)


_SAY = dict(zip(GUARDED, (Guard.say_made, Guard.say_pushed, Guard.say_linked, Guard.say_dags), strict=True))


def _sort_out(notes: Notes) -> Iterator[tuple[str, Location | None, Any]]:
    """Yield rule, place and thing of everything that is not innocent, with what belongs to it folded in."""
    dags = {id(node.thing) for node in notes.made if node.kind == "dag"}
    pushed = {id(node): (key, node, error) for key, node, error in reversed(notes.pushes)}
    for node in notes.made:
        if node.kind == "dag":
            yield "DYN204", node.place, (node, [each for each in notes.made if each.dag is node.thing])
        elif id(node.dag) not in dags and (id(node) in pushed or not node.is_apart):
            yield "DYN201", node.place, node
    names = {node.name for node in notes.made}
    for edge, place in notes.edges.items():
        if names.isdisjoint(edge):
            yield "DYN203", place, edge
    for key, node, error in reversed(pushed.values()):
        yield "DYN202", node.place, (key, node, error)


def _count(nodes: Sequence[Node]) -> str:
    """Say how many operators of which classes, and their ids."""
    classes = (f"@task {node.class_name}" if node.decorated else node.class_name for node in nodes)
    kind = "DAG" if nodes[0].kind == "dag" else "operator"
    number = f"{'a' if kind == 'DAG' else 'an'} {kind}" if len(nodes) == 1 else f"{len(nodes)} {kind}s"
    shown = enumerate_some([node.name for node in nodes], most=3)
    return f"{number} ({', '.join(dict.fromkeys(classes))}: {shown})"
