"""The planner: what a structure becomes for a given, computed without running anything."""

# Pure: no Airflow, no database. States what Airflow does; held to that by comparison with real runs.
# Task by task, upstream tasks first: the scheduler's verdict on each instance, its length, its inputs, its end.
# Why states matter: a mapped task whose source did not succeed is never expanded, whatever its trigger rule.

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

from pytest_dynadag.errors import GivenError, MissingGivenError, UnknownNameError
from pytest_dynadag.findings import Finding
from pytest_dynadag.graph.behaviour import Behaviour, behaviour_of
from pytest_dynadag.graph.defects import Scene, find_defects, find_shared_labels
from pytest_dynadag.graph.edges import connect
from pytest_dynadag.graph.ends import (
    BAD,
    FAILED,
    SKIPPED,
    SUCCESS,
    UNKNOWN_STATE,
    UPSTREAM_FAILED,
    End,
    Ends,
    Verdict,
    compress,
)
from pytest_dynadag.graph.expansion import UNKNOWN, Expansion, TaskExpansion, Unknown
from pytest_dynadag.graph.given import MISSING, Failed, Given, Skipped, format_key, parse_key
from pytest_dynadag.graph.inputs import Inputs, Row
from pytest_dynadag.graph.lengths import Lengths, Outcome
from pytest_dynadag.graph.pushes import Refusal, refuse
from pytest_dynadag.graph.scheduler import Scheduler
from pytest_dynadag.graph.skips import Skips
from pytest_dynadag.graph.starts import Starts
from pytest_dynadag.graph.structure import Structure, Task
from pytest_dynadag.graph.text import count_of

_DEEPEST = 200  # lists in lists, of which Python can be asked about a thousand before it gives up

Labeller = Callable[[Task, "int | None", Mapping[str, Any]], "str | Unknown | None"]
"""Renders the `map_index_template` of one instance from its inputs."""


def plan(
    structure: Structure,
    given: Given | None = None,
    *,
    strict: bool = True,
    label: Labeller | None = None,
) -> Expansion:
    """
    Compute the expansion of *structure* for *given* without running a task.

    Args:
        structure: The DAG as written; left unchanged.
        given: What a run would know. Tasks it does not mention are taken to succeed.
        strict: Whether an output that decides a length must be given; otherwise the length stays unknown
            and the task is planned as `load[?]`.
        label: Renders the labels of instances; without it they stay unknown.

    Returns:
        An expansion whose tasks stand in the structure's order. A mapped task that is never expanded has
        count 0, a state and a reason.

    Raises:
        MissingGivenError: Outputs that decide a length are absent; all are listed.
        UnknownNameError: The given names a task that the DAG does not have.
        GivenError: What is given for a task cannot be meant.

    Source:
        Airflow's scheduler and worker, 2.10-3.3: models/dagrun.py, models/taskmap.py, ti_deps/deps/*,
        expandinput.py. Compared with real runs in tests/conformance.
    """
    given = given or Given()
    check_given(structure, given)
    planner = _Planner.start(structure, given, label)
    try:
        for task in structure.tasks:
            planner.expand(task)
    except RecursionError:
        raise _refuse_depth(structure, given) from None
    if strict and planner.lengths.missing:
        raise MissingGivenError(structure.dag_id, planner.lengths.missing)
    return planner.finish()


def _refuse_depth(structure: Structure, given: Given) -> Exception:
    """Make the error about the output that is nested too deeply; where there is none, the fault is ours."""
    for key, value in given.outputs.items():
        if _is_deep(value):
            why = f"lists or mappings in it are nested more than {_DEEPEST} deep, or one contains itself"
            return GivenError(structure.dag_id, key, why, next_step="give what the tasks that follow look at")
    return RecursionError("the DAG cannot be planned")


def _is_deep(value: Any) -> bool:
    waiting = [(value, 0)]
    while waiting:
        item, depth = waiting.pop()
        if depth > _DEEPEST:
            return True
        if isinstance(item, (dict, list, tuple)):
            inner = item.values() if isinstance(item, dict) else item
            waiting.extend((each, depth + 1) for each in inner)
    return False


def check_given(structure: Structure, given: Given) -> None:
    """
    Refuse what cannot be meant: unknown tasks, an index where there is none, no list for a mapped task.

    Raises:
        UnknownNameError, GivenError: See `plan`.
    """
    for key in (*given.outputs, *(task_id for task_id, _ in given.keyed)):
        task_id, index = (key, None) if key in structure.by_id else parse_key(key)
        if task_id not in structure.by_id:
            raise UnknownNameError(
                "task", task_id, structure.by_id, where=f"given for DAG {structure.dag_id!r}"
            )
        mapped = structure.is_mapped(structure[task_id])
        if index is not None and not mapped:
            why = f"{task_id} is not mapped, so it has no index"
            raise GivenError(structure.dag_id, key, why, next_step=f"write {task_id!r}")
        if key in given.outputs and index is None and mapped:
            _check_per_index(structure, task_id, given.outputs[key])
        if not mapped and callable(given.outputs.get(key)):
            why = f"{task_id} is not mapped, so there are no inputs for a function to take"
            raise GivenError(structure.dag_id, key, why, next_step="give the output itself")


def _check_per_index(structure: Structure, task_id: str, value: Any) -> None:
    if isinstance(value, (list, tuple, Skipped, Failed)) or callable(value):
        return
    why = f"{task_id} is mapped, so its output is one value per instance, not a {type(value).__name__}"
    next_step = "give a list with one entry per index, or a callable of an instance's inputs"
    raise GivenError(structure.dag_id, task_id, why, next_step=next_step)


def check_indexes(dag_id: str, given: Given, task_id: str, count: int) -> None:
    """
    Refuse a list with more or fewer entries than a task has instances, and an index that none of them has.

    Where there are none, because the task is never expanded, nothing is refused.

    Raises:
        GivenError: See above.
    """
    value = given.outputs.get(task_id)
    if isinstance(value, (list, tuple)) and len(value) != count:
        entries = f"{len(value)} entr{'y' if len(value) == 1 else 'ies'}"
        why = f"it has {entries}, and {task_id} has {count_of(count, 'instance')}"
        next_step = "give one entry per index, or a callable that takes the inputs of an instance"
        raise GivenError(dag_id, task_id, why, next_step=next_step)
    for key in given.outputs:
        owner, index = parse_key(key)
        if owner == task_id and index is not None and index >= count:
            why = f"{task_id} has {count_of(count, 'instance')}, counted from 0"
            last = format_key(task_id, count - 1)
            raise GivenError(dag_id, key, why, next_step=f"write an index up to {last!r}")


@dataclass(slots=True)
class _Planner:
    structure: Structure
    given: Given
    label: Labeller | None
    behaviour: Behaviour
    lengths: Lengths
    scheduler: Scheduler
    inputs: Inputs
    starts: Starts
    outcomes: dict[str, Outcome]
    named: frozenset[str]
    findings: list[Finding] = field(default_factory=list)
    uncounted: list[str] = field(default_factory=list)

    @classmethod
    def start(cls, structure: Structure, given: Given, label: Labeller | None) -> _Planner:
        """Make a planner that has planned no task yet."""
        behaviour = behaviour_of(structure.airflow_version)
        outcomes: dict[str, Outcome] = {}
        lengths = Lengths(structure, given, outcomes)
        scheduler = Scheduler(structure, behaviour, Skips(structure, behaviour), lengths.known)
        inputs = Inputs(structure, behaviour, lengths.look_up)
        starts = Starts(structure, behaviour, lengths, scheduler.ends)
        named = frozenset(given.task_ids)
        return cls(structure, given, label, behaviour, lengths, scheduler, inputs, starts, outcomes, named)

    # -- one task ---------------------------------------------------------------------------------

    def expand(self, task: Task) -> None:
        """Work out what *task* becomes; the tasks above it have been worked out."""
        if not self.structure.is_mapped(task):
            self._settle(task, None, [self.scheduler.judge_row(task)])
            return
        count = self.lengths.count(task)
        if count and isinstance(count, int) and self.lengths.is_written(task):
            self._settle(task, count, self.scheduler.judge_indexes(task, count, 0))
        else:
            self._expand_placeholder(task, count, self.scheduler.judge_row(task, count))

    def _expand_placeholder(self, task: Task, count: int | Unknown, verdict: Verdict) -> None:
        if verdict.state:
            self._end_placeholder(task, count, verdict, verdict.state)
        elif not self.scheduler.knows_length(task, verdict.wave):
            why = f"trigger rule {task.trigger_rule} is met before all it is mapped over has ended"
            self._leave(task, 0, End(UPSTREAM_FAILED, verdict.wave), f"never expanded: {why}")
        elif isinstance(count, Unknown):
            self._leave_uncounted(task, verdict.wave)
        elif count == 0:
            self._leave(task, 0, End(SKIPPED, verdict.wave), "mapped over nothing")
        else:
            since = verdict.wave
            self._settle(task, count, self.scheduler.judge_indexes(task, count, since), since)

    def _end_placeholder(self, task: Task, count: int | Unknown, verdict: Verdict, state: str) -> None:
        if count and isinstance(count, int):
            if state == SKIPPED and self.scheduler.skips_uncounted(task, count):
                self.uncounted.append(task.task_id)
            if self.scheduler.skips_loosely(task, count, verdict):
                since = verdict.wave
                if self.behaviour.expands_what_it_skips:
                    self._settle(task, count, [verdict], since)
                    return
                if self.behaviour.runs_what_it_skips:
                    self._settle(task, count, self.scheduler.judge_indexes(task, count, since), since)
                    return
        why = _explain(task, state, self.outcomes)
        self._leave(task, 0, End(state, verdict.wave), f"never expanded: {why}", verdict)

    def _leave_uncounted(self, task: Task, wave: int) -> None:
        """Leave a task whose length the scheduler cannot find, because nobody gave it or because it never could."""
        never = [name for name in self.structure.sources_of(task) if self.lengths.is_never_counted(name)]
        if self.lengths.is_refused(task):
            self._leave_refused(task, wave)
        elif not never:
            reason = "an upstream output that decides the length is not known"
            self._leave(task, None, End(UNKNOWN_STATE, wave), reason)
        elif never[0] in self.lengths.unpushed:
            reason = f"mapped over {never[0]}, a branch that skips something and then leaves no output"
            self._leave(task, 0, End(UPSTREAM_FAILED, wave), reason)
        else:
            reason = f"mapped over {never[0]}, which stands in a mapped group: its length never becomes known"
            self._leave(task, 0, End(UPSTREAM_FAILED, wave), reason)
            message = f"{task.task_id} is {reason}, so Airflow ends it upstream_failed"
            remedy = "collect the group's output in a plain task that returns one list, and map over that"
            self._find("DYN303", task.task_id, message, remedy)

    def _leave_refused(self, task: Task, wave: int) -> None:
        outer = self.structure.mapped_groups_around(task)[-1].group_id
        reason = f"mapped over the argument of the mapped group {outer}, which Airflow cannot count"
        self._leave(task, None, End(UNKNOWN_STATE, wave), reason)
        message = f"{task.task_id} is {reason}: no run can be created (NotImplementedError)"
        self._find(
            "DYN303", task.task_id, message, "make the combinations in a task, and map one group over them"
        )

    def _leave(
        self, task: Task, count: int | None, end: End, reason: str, verdict: Verdict | None = None
    ) -> None:
        """Leave a mapped task unexpanded: the scheduler ends it, unless *verdict* says that a branch does."""
        expansion = TaskExpansion(task.task_id, count, True, (end.state,), [], (), reason)
        by_scheduler, before = (verdict.by_scheduler, verdict.before) if verdict else (True, None)
        self._note(task, Outcome(expansion, []), Ends(None, (end,), by_scheduler=by_scheduler, before=before))

    def _settle(self, task: Task, count: int | None, verdicts: Sequence[Verdict], since: int = 0) -> None:
        """Work out inputs, labels, outputs and ends of the instances; one verdict may stand for all."""
        indexes: Sequence[int | None] = [None] if count is None else range(count)
        if count and task.task_id in self.named:
            check_indexes(self.structure.dag_id, self.given, task.task_id, count)
        rows = self.inputs.give(task, count)
        each = verdicts if len(verdicts) > 1 else repeat(verdicts[0])
        inputs = [row.arguments for row in rows]
        outputs: list[Any] = []
        ends: list[End] = []
        for index, row, verdict in zip(indexes, rows, each):  # noqa: B905 - a repeated verdict has no end
            state, output = verdict.state, MISSING
            if state is None:
                state, output = self._run(task, index, row, verdict.wave)
            outputs.append(output)
            ends.append(End(state, verdict.wave))
        labels = self._labels(task, indexes, inputs)
        by_scheduler, before = (
            (verdicts[0].by_scheduler, verdicts[0].before) if count is None else (False, None)
        )
        settled = Ends(count, compress(ends), since, by_scheduler, before)
        states = tuple(end.state for end in settled.ends)
        states = states[:1] if len(set(states)) == 1 else states
        expansion = TaskExpansion(task.task_id, len(ends), count is not None, states, inputs, labels)
        self._note(task, Outcome(expansion, outputs), settled)

    def _note(self, task: Task, outcome: Outcome, ends: Ends) -> None:
        self.outcomes[task.task_id] = outcome
        self.scheduler.ends[task.task_id] = ends
        if task.skips:
            self._note_skips(task, outcome, ends)

    def _note_skips(self, task: Task, outcome: Outcome, ends: Ends) -> None:
        for position, output in enumerate(outcome.outputs):
            end = ends[position]
            if output is not MISSING and output is not UNKNOWN and end.state == SUCCESS:
                index = None if ends.count is None else position
                skipped = self.scheduler.skips.note(task, index, output, end.wave)
                if skipped and index is None and self.behaviour.skipping_branch_pushes_nothing:
                    self.lengths.unpushed.add(task.task_id)

    # -- one instance -----------------------------------------------------------------------------

    def _run(self, task: Task, index: int | None, row: Row, wave: int) -> tuple[str, Any]:
        """Give the state in which an instance that is to run in *wave* ends, and its output."""
        if self.starts.prevents(task, wave):
            return FAILED, MISSING
        if row.obstacle:
            return row.obstacle, MISSING
        return self._end(task, index, row.arguments)

    def _end(self, task: Task, index: int | None, inputs: Mapping[str, Any]) -> tuple[str, Any]:
        """Give the state in which an instance that gets its inputs ends, and its output."""
        output = self.given.output_of(task.task_id, index, inputs)
        if isinstance(output, Skipped):
            return SKIPPED, MISSING
        if isinstance(output, Failed):
            return FAILED, MISSING
        owners = self.structure.mapped_over.get(task.task_id, ())
        if task.mapping is None and owners and (output is not MISSING or not task.pushes_output):
            limit = self.given.max_map_length
            if refusal := refuse(output, pushes_output=task.pushes_output, max_map_length=limit):
                self._report_refusal(task, refusal, owners)
                return FAILED, MISSING
        return SUCCESS, output

    def _report_refusal(self, task: Task, refusal: Refusal, owners: Sequence[str]) -> None:
        mapped = " and ".join(owners)
        message = (
            f"{task.task_id} {refusal.what}, but {mapped} is mapped over it: Airflow fails {task.task_id}"
        )
        self._find(refusal.rule, owners[0], message, refusal.remedy)

    def _labels(
        self, task: Task, indexes: Sequence[int | None], inputs: Sequence[Mapping[str, Any]]
    ) -> tuple[str | Unknown | None, ...]:
        if task.map_index_template is None or indexes[:1] == [None]:
            return ()
        if self.label is None:
            return (UNKNOWN,) * len(indexes)
        return tuple(self.label(task, index, row) for index, row in zip(indexes, inputs, strict=True))

    # -- the whole --------------------------------------------------------------------------------

    def _find(self, rule: str, owner: str, message: str, remedy: str) -> None:
        finding = Finding(rule, self.structure.dag_id, self.structure.location_of(owner), message, remedy)
        if finding not in self.findings:
            self.findings.append(finding)

    def finish(self) -> Expansion:
        """Put the parts together."""
        tasks = tuple(self.outcomes[task.task_id].expansion for task in self.structure.tasks)
        nodes = {task.task_id: task.nodes for task in tasks}
        dependencies = connect(self.structure, nodes, self.lengths.known)
        self._find_more({task.task_id: task for task in tasks})
        return Expansion(self.structure.dag_id, tasks, dependencies, tuple(self.findings))

    def _find_more(self, tasks: Mapping[str, TaskExpansion]) -> None:
        """Find what shows when all tasks are planned."""
        for name in self.scheduler.raced:
            message = f"{name} starts while a branch above it is deciding to skip it: what happens depends on which is first"
            self._find(
                "DYN110", name, message, "use a trigger rule that waits for the branch, such as none_failed"
            )
        scene = Scene(
            structure=self.structure,
            behaviour=self.behaviour,
            tasks=tasks,
            disputed=tuple(self.scheduler.disputed),
            unpushed=tuple(sorted(self.lengths.unpushed)),
            by_position=self.inputs.by_position,
            uncounted=self.uncounted,
            prevented=self.starts.prevented,
        )
        self.findings += find_shared_labels(self.structure, tasks)
        self.findings += find_defects(scene)


_BLAME: dict[str, frozenset[str]] = {SKIPPED: frozenset([SKIPPED]), UPSTREAM_FAILED: BAD}


def _explain(task: Task, state: str, outcomes: Mapping[str, Outcome]) -> str:
    """Say in words what above a task ended it without a run."""
    ended = {name: outcomes[name].expansion.state for name in task.upstream}
    blamed = [f"{name} is {found}" for name, found in ended.items() if found in _BLAME[state]]
    return f"{', '.join(blamed) or 'a branch did not choose it'} (trigger rule {task.trigger_rule})"
