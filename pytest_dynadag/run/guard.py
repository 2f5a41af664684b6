"""The guard: what tasks make while they run becomes findings, each with the `expand` form that was wanted."""

# Airflow makes task instances from the DAG as it was when the run began; afterwards only mapped tasks gain some. What
# a task makes changes the object of its own worker, and nothing else: most such runs are green. So the guard is always
# on, and such a run does not count as a success.
# Innocent: an operator that the task uses on the spot (`Operator(...).execute(context)`) and that goes nowhere.

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pytest_dynadag.allowances import Accepted, Allowance, find_reason
from pytest_dynadag.bridge.creations import Attempt, Node, watched_creations
from pytest_dynadag.bridge.keeping import KeptShape, describe_outputs
from pytest_dynadag.errors import enumerate_some
from pytest_dynadag.findings import Finding
from pytest_dynadag.graph.given import format_key
from pytest_dynadag.location import Location
from pytest_dynadag.run.advice import Advice, Output, advise

GUARDED = ("DYN201", "DYN202", "DYN203", "DYN204")
"""The rules of which a finding keeps a run from being a success."""

_NEVER = "Airflow never schedules {them}: task instances are made from the DAG as it was when the run began"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The findings of a run, and those that are allowed, each with the reason."""

    findings: tuple[Finding, ...] = ()
    allowed: tuple[Accepted, ...] = ()


@dataclass(slots=True)
class _Made:
    """A node that a task has made, or put into a DAG, and what became of it."""

    node: Node
    place: Location
    elsewhere: bool = False
    dag: int | None = None
    linked: bool = False
    worked: bool = False
    pushed: bool = False

    @property
    def is_innocent(self) -> bool:
        """Whether it was used on the spot and went nowhere."""
        return self.worked and self.dag is None and not self.linked and not self.pushed


@dataclass(frozen=True, slots=True)
class _Link:
    upstream: tuple[Node, ...]
    downstream: tuple[Node, ...]
    place: Location

    def __str__(self) -> str:
        return f"{_list_names(self.upstream)} >> {_list_names(self.downstream)}"

    @property
    def identities(self) -> set[int]:
        return {node.identity for node in (*self.upstream, *self.downstream)}


@dataclass(frozen=True, slots=True)
class _Push:
    key: str
    nodes: tuple[Node, ...]
    error: Exception | None


@dataclass(slots=True)
class _Notes:
    """What one try of one instance has made, in order."""

    made: dict[int, _Made] = field(default_factory=dict)
    links: list[_Link] = field(default_factory=list)
    pushes: list[_Push] = field(default_factory=list)


class Guard:
    """Takes notes while tasks run; `judge` turns them into findings."""

    def __init__(self, dag: Any) -> None:
        self.dag, self.dag_id = dag, dag.dag_id
        self.watching = False
        self.notes: dict[Attempt, _Notes] = {}
        self._shape = KeptShape(dag)
        self._open: Attempt = Attempt("", -1, 0)

    # The listener

    @contextmanager
    def window(self, attempt: Attempt) -> Iterator[None]:
        """Enclose the work of a task; what it has done to the DAG object is undone, as if its worker were gone."""
        self._open, self.watching = attempt, True
        try:
            yield
        finally:
            self.watching = False
            if attempt in self.notes:
                self.restore()

    def made(self, node: Node, place: Location, dag: int | None, *, linked: bool = False) -> None:
        """Take note of a new operator or DAG."""
        known = self._now.made.pop(node.identity, None)
        self._now.made[node.identity] = _Made(
            node, place, dag=dag, linked=linked or bool(known and known.linked)
        )

    def joined(self, node: Node, place: Location, dag: int) -> None:
        """Take note of an operator that goes into a DAG; one made elsewhere came through an XCom or a global."""
        made = self._now.made.setdefault(node.identity, _Made(node, place, elsewhere=True))
        made.dag = dag

    def linked(self, upstream: tuple[Node, ...], downstream: tuple[Node, ...], place: Location) -> None:
        """Take note of a dependency."""
        self._now.links.append(_Link(upstream, downstream, place))

    def worked(self, identity: int) -> None:
        """Take note that the running task uses an operator itself."""
        if identity in self._now.made:
            self._now.made[identity].worked = True

    def suspects(self, attempt: Attempt) -> bool:
        """Say whether a task has made anything."""
        return attempt in self.notes

    def pushed(self, attempt: Attempt, key: str, nodes: tuple[Node, ...], error: Exception | None) -> None:
        """Take note of operators in an XCom."""
        notes = self.notes.setdefault(attempt, _Notes())
        notes.pushes.append(_Push(key, nodes, error))
        for node in nodes:
            if node.identity in notes.made:
                notes.made[node.identity].pushed = True

    @property
    def _now(self) -> _Notes:
        return self.notes.setdefault(self._open, _Notes())

    def restore(self) -> None:
        """Put back the tasks, groups and dependencies of the DAG object."""
        self._shape.restore()

    # The judgement

    def judge(self, returned: Mapping[str, Any], state: str, allow: Sequence[Allowance] = ()) -> Verdict:
        """
        Turn the notes of a run into findings.

        Args:
            returned: Instance key to return value.
            state: How the run ended.
            allow: What is accepted.
        """
        if not self.notes:
            return Verdict()
        judge = _Judge(self.dag_id, describe_outputs(self.dag), returned, state)
        findings, allowed = [], []
        for task_id, finding in judge.find(self.notes):
            reason = find_reason(finding, allow, task_id)
            if reason is None:
                findings.append(finding)
            else:
                allowed.append((finding, reason))
        return Verdict(tuple(findings), tuple(allowed))


@contextmanager
def guarded(dag: Any) -> Iterator[Guard]:
    """
    Notice what the tasks of *dag* make while they run, in whichever engine; the DAG object is as before afterwards.

    Source: Airflow 2.11.2 and 3.3.2, in which such a run is green unless an operator is put into an XCom.
    """
    guard = Guard(dag)
    try:
        with watched_creations(guard):
            yield guard
    finally:
        guard.restore()


@dataclass(slots=True)
class _Spot:
    """What one task did at one line, in all its instances: of each instance, what its last try did."""

    task_id: str
    place: Location | None
    attempts: dict[tuple[str, int], tuple[int, list[Any]]] = field(default_factory=dict)

    def add(self, attempt: Attempt, thing: Any) -> None:
        """Add what an attempt did; a further try does it all over."""
        key = (attempt.task_id, attempt.map_index)
        number, things = self.attempts.get(key, (attempt.number, []))
        self.attempts[key] = (attempt.number, [*things, thing] if number == attempt.number else [thing])

    @property
    def things(self) -> list[Any]:
        """All of them."""
        return [thing for _, things in self.attempts.values() for thing in things]

    def say_who(self) -> str:
        """Name the task, and the instances of a mapped one."""
        indexes = sorted(index for _, index in self.attempts)
        if indexes == [-1]:
            return f"task {self.task_id!r}"
        keys = [format_key(self.task_id, index) for index in indexes]
        return (
            f"task {keys[0]!r}"
            if len(keys) == 1
            else f"task {self.task_id!r} ({len(keys)} instances, {keys[0]} ...)"
        )


class _Judge:
    """Composes findings from notes; pure."""

    def __init__(
        self,
        dag_id: str,
        outputs: Mapping[str, tuple[str, Sequence[str]]],
        returned: Mapping[str, Any],
        state: str,
    ) -> None:
        self.dag_id, self.outputs, self.returned, self.state = dag_id, outputs, returned, state

    def find(self, notes: Mapping[Attempt, _Notes]) -> Iterator[tuple[str, Finding]]:
        """Give each finding with its task: operators, XComs, dependencies, DAGs."""
        spots: dict[tuple[str, str, Location | None], _Spot] = {}
        for attempt, noted in notes.items():
            for rule, place, thing in _sort_out(noted):
                spot = spots.setdefault((rule, attempt.task_id, place), _Spot(attempt.task_id, place))
                spot.add(attempt, thing)
        say = dict(
            zip(GUARDED, (self.say_made, self.say_pushed, self.say_linked, self.say_dags), strict=True)
        )
        for (rule, task_id, place), spot in sorted(spots.items(), key=lambda item: (item[0][1], item[0][0])):
            message, remedy = say[rule](spot)
            yield task_id, Finding(rule, self.dag_id, place, message, remedy)

    def say_made(self, spot: _Spot) -> tuple[str, str]:
        """DYN201."""
        made: list[_Made] = spot.things
        nodes = [each.node for each in made]
        them = "it" if len(nodes) == 1 else "them"
        foreign = made[0].elsewhere
        deeds = [
            f"puts {_count(nodes)} into the DAG while it runs"
            if foreign
            else f"makes {_count(nodes)} while it runs",
            f"adds {them} to the DAG" if not foreign and any(each.dag for each in made) else "",
            f"sets dependencies on {them}" if any(each.linked for each in made) else "",
        ]
        *most, last = filter(None, deeds)
        what = f"{', '.join(most)} and {last}" if most else last
        never = _NEVER.format(them=them)
        green = ". The run ended success all the same" if self.state == "success" else ""
        return f"{spot.say_who()} {what}. {never}{green}", self.advise(spot, nodes)

    def say_pushed(self, spot: _Spot) -> tuple[str, str]:
        """DYN202."""
        nodes = [node for node, *_ in spot.things]
        _, push, made_here = spot.things[0]
        how = "returns" if push.key == "return_value" else f"pushes, as {push.key!r},"
        if push.error is None:
            fate = f"It was stored, and whoever pulls it gets a copy. {_NEVER.format(them='one')}"
        else:
            why = str(push.error).strip().splitlines()[0].split(". ")[0] if str(push.error).strip() else ""
            fate = f"An XCom is data, and storing this failed with {type(push.error).__name__}: {why}"
        message = f"{spot.say_who()} {how} {_count(nodes)} through XCom. {fate}"
        if made_here:
            return message, self.advise(spot, nodes)
        return message, f"hand on the data that is needed of it, such as its id: {nodes[0].name!r}"

    def say_linked(self, spot: _Spot) -> tuple[str, str]:
        """DYN203."""
        links = list(dict.fromkeys(map(str, spot.things)))
        number = "a dependency" if len(links) == 1 else f"{len(links)} dependencies"
        shown = ", ".join(links[:3]) + (f" and {len(links) - 3} more" if len(links) > 3 else "")
        message = (
            f"{spot.say_who()} sets {number} while it runs ({shown}). Airflow takes dependencies from the DAG as it "
            "was when the run began: this changes neither this run nor a later one"
        )
        return message, (
            "set it in the DAG itself; where data decides what follows, let a branch (`@task.branch`) return the ids "
            f"of the tasks to go on with:\n    {links[0]}"
        )

    def say_dags(self, spot: _Spot) -> tuple[str, str]:
        """DYN204."""
        dags = [dag for dag, _ in spot.things]
        nodes = [node for _, tasks in spot.things for node in tasks]
        names = enumerate_some([dag.name for dag in dags])
        what = f"DAG {names}" if len(dags) == 1 else f"{len(dags)} DAGs ({names})"
        inside = f" with {_count(nodes)}" if nodes else ""
        message = (
            f"{spot.say_who()} makes {what}{inside} while it runs. Airflow knows the DAGs that parsing a file gives, "
            "and no others: nothing is ever scheduled from this one"
        )
        if not nodes:
            return message, "make the DAG at the top of a DAG file, and start it with a TriggerDagRunOperator"
        return message, f"have its tasks in {self.dag_id!r}; {self.advise(spot, nodes)}"

    def advise(self, spot: _Spot, nodes: Sequence[Node]) -> str:
        """Write out the `expand` form."""
        return self.compose(spot.task_id, nodes).tell(spot.task_id)

    def compose(self, task_id: str, nodes: Sequence[Node]) -> Advice:
        """Compose the advice for what a task made."""
        expression, upstream = self.outputs.get(task_id, (f"{task_id}.output", ()))
        known = [
            Output(each, self.outputs[each][0], self.returned[each])
            for each in upstream
            if each in self.returned
        ]
        return advise(nodes, Output(task_id, expression), known)


def _sort_out(notes: _Notes) -> Iterator[tuple[str, Location | None, Any]]:
    """Give rule, place and thing of everything that is no innocent's, with what belongs to it folded in."""
    dags = {identity for identity, made in notes.made.items() if made.node.kind == "dag"}
    for link in notes.links:
        touched = [notes.made[identity] for identity in link.identities if identity in notes.made]
        for made in touched:
            made.linked = True
        if not touched:
            yield "DYN203", link.place, link
    for identity, made in notes.made.items():
        if identity in dags:
            inside = [each.node for each in notes.made.values() if each.dag == identity]
            yield "DYN204", made.place, (made.node, inside)
        elif made.dag not in dags and not made.is_innocent:
            yield "DYN201", made.place, made
    seen: set[int] = set()
    for push in notes.pushes:
        for node in push.nodes:
            known = notes.made.get(node.identity)
            if node.identity not in seen:
                seen.add(node.identity)
                yield (
                    "DYN202",
                    known.place if known else None,
                    (known.node if known else node, push, bool(known)),
                )


def _count(nodes: Sequence[Node]) -> str:
    """Say how many operators of which classes, and their ids."""
    classes = ", ".join(
        dict.fromkeys(f"@task {node.class_name}" if node.decorated else node.class_name for node in nodes)
    )
    kind = "DAG" if nodes[0].kind == "dag" else "operator"
    number = f"{'a' if kind == 'DAG' else 'an'} {kind}" if len(nodes) == 1 else f"{len(nodes)} {kind}s"
    return f"{number} ({classes}: {enumerate_some([node.name for node in nodes], most=3)})"


def _list_names(nodes: Sequence[Node]) -> str:
    names = [node.name for node in nodes]
    return names[0] if len(names) == 1 else f"[{', '.join(names)}]"
