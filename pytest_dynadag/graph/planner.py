"""The planner: what a structure becomes for a given, computed without running anything."""

# Pure: no Airflow, no database. The scheduler of a run, told what is given in place of what tasks do: each instance that
# starts ends at once, as the given has it. Held to Airflow by comparison with real runs.

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pytest_dynadag.errors import GivenError, MissingGivenError, UnknownNameError
from pytest_dynadag.findings import Finding
from pytest_dynadag.graph.behaviour import behaviour_of
from pytest_dynadag.graph.defects import Scene, find_defects, find_shared_labels
from pytest_dynadag.graph.edges import connect
from pytest_dynadag.graph.expansion import UNKNOWN, Expansion, TaskExpansion, Unknown
from pytest_dynadag.graph.given import MISSING, Failed, Given, Skipped, format_key, parse_key
from pytest_dynadag.graph.inputs import Inputs, Row
from pytest_dynadag.graph.lengths import Lengths
from pytest_dynadag.graph.pushes import Refusal, refuse
from pytest_dynadag.graph.scheduler import Ready, Scheduler
from pytest_dynadag.graph.skips import choose_skips
from pytest_dynadag.graph.states import (
    BAD,
    FAILED,
    SCHEDULED,
    SKIPPED,
    SUCCESS,
    UNKNOWN_STATE,
    UPSTREAM_FAILED,
    Index,
)
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
    planner = _Planner(structure, given, label)
    try:
        expansion = planner.plan()
    except RecursionError:
        raise _refuse_depth(structure, given) from None
    if strict and planner.lengths.missing:
        raise MissingGivenError(structure.dag_id, planner.lengths.missing)
    return expansion


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


class _Planner:
    """One plan on its way."""

    def __init__(self, structure: Structure, given: Given, label: Labeller | None) -> None:
        self.structure, self.given, self.label = structure, given, label
        self.behaviour = behaviour_of(structure.airflow_version)
        self.lengths = Lengths(structure, given)
        self.inputs = Inputs(structure, self.behaviour, self.lengths.look_up)
        self.scheduler = Scheduler(structure, self.behaviour, self.lengths.measure)
        self.rows = self.lengths.rows = self.scheduler.rows
        self.named = frozenset(given.task_ids)
        self.findings: list[Finding] = []

    def plan(self) -> Expansion:
        """Let the scheduler go on until nothing starts any more, and put the parts together."""
        while (ready := self.scheduler.advance()) or self.scheduler.changed:
            for each in ready:
                if SCHEDULED in self.rows[each.task.task_id].states:  # not where an earlier one has ended it
                    self._execute(each)
        tasks = {task.task_id: self._describe(task) for task in self.structure.tasks}
        nodes = {name: task.nodes for name, task in tasks.items()}
        dependencies = connect(self.structure, nodes, self.scheduler.lengths)
        self._find_more(tasks)
        return Expansion(self.structure.dag_id, tuple(tasks.values()), dependencies, tuple(self.findings))

    # -- instances that start ---------------------------------------------------------------------

    def _execute(self, ready: Ready) -> None:
        """End the instances that start, as the given has it, and keep their outputs."""
        task, rows = ready.task, self.rows[ready.task.task_id]
        if self.scheduler.find_missing_length(task):
            self._end(ready, [FAILED])
            return
        inputs = self._inputs_of(task)
        if self._ends_alike(task) and not any(row.obstacle for row in inputs):
            self._end(ready, [SUCCESS])
            return
        outputs = self.lengths.outputs.setdefault(task.task_id, [MISSING] * len(rows))
        states = []
        for index in ready.indexes:
            row, position = inputs[index or 0], index or 0
            state, outputs[position] = (
                (row.obstacle, MISSING) if row.obstacle else self._run(task, index, row)
            )
            states.append(state)
            if task.skips and rows[index] == SCHEDULED:
                self._branch(task, index, outputs[position], state)
        self._end(ready, states)

    def _ends_alike(self, task: Task) -> bool:
        """Return whether all instances of a task that get their inputs succeed, with outputs that are not known."""
        over = task.mapping is None and task.task_id in self.structure.mapped_over
        return task.task_id not in self.named and (task.pushes_output or not over)

    def _run(self, task: Task, index: Index, row: Row) -> tuple[str, Any]:
        """Return the state in which an instance that gets its inputs ends, and its output."""
        output = self.given.output_of(task.task_id, index, row.arguments)
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

    def _branch(self, task: Task, index: Index, output: Any, state: str) -> None:
        """Tell the scheduler what a branch or short circuit skips."""
        if state != SUCCESS or output is MISSING or output is UNKNOWN:
            return
        skipped = choose_skips(self.structure, task, output)
        self.scheduler.decide(task, index, skipped)
        if skipped and index is None and self.behaviour.skipping_branch_pushes_nothing:
            self.lengths.unpushed.add(task.task_id)

    def _end(self, ready: Ready, states: Sequence[str]) -> None:
        """Tell the scheduler how instances ended; one state stands for all. A branch may have skipped some before."""
        name, rows = ready.task.task_id, self.rows[ready.task.task_id]
        if len(ready.indexes) == len(rows) and list(rows.states) == [SCHEDULED]:
            self.scheduler.end_all(name, states)
        else:
            for position, index in enumerate(ready.indexes):
                if rows[index] == SCHEDULED:
                    self.scheduler.end(name, index, states[position if len(states) > 1 else 0])
        if self.structure.fails_fast and FAILED in states:
            self.scheduler.stop(name)

    # -- what tasks became ------------------------------------------------------------------------

    def _inputs_of(self, task: Task) -> Sequence[Row]:
        """Return a row of inputs for each instance, and refuse what is given for more or fewer of them."""
        count = self.rows[task.task_id].count
        if count is not None and task.task_id in self.named:
            check_indexes(self.structure.dag_id, self.given, task.task_id, count)
        return self.inputs.give(task, count)

    def _describe(self, task: Task) -> TaskExpansion:
        rows = self.rows[task.task_id]
        states = tuple(state or UNKNOWN_STATE for state in rows.states)
        states = states[:1] if len(set(states)) == 1 else states
        if rows.count is None and self.structure.is_mapped(task):
            return self._describe_unexpanded(task, states[0])
        inputs = [row.arguments for row in self._inputs_of(task)]
        labels = self._labels(task, inputs) if rows.count is not None else ()
        return TaskExpansion(task.task_id, len(rows), rows.count is not None, states, inputs, labels)

    def _labels(self, task: Task, inputs: Sequence[Mapping[str, Any]]) -> tuple[str | Unknown | None, ...]:
        if task.map_index_template is None:
            return ()
        if self.label is None:
            return (UNKNOWN,) * len(inputs)
        return tuple(self.label(task, index, row) for index, row in enumerate(inputs))

    def _describe_unexpanded(self, task: Task, state: str) -> TaskExpansion:
        """Return what became of a mapped task that has no instances, and why."""
        self.scheduler.count(task)  # notes which outputs it would take
        if task.task_id not in self.scheduler.unexpanded:
            reason = f"never expanded: {self._blame(task, state)} (trigger rule {task.trigger_rule})"
        elif self.scheduler.unexpanded[task.task_id] == 0:
            reason = "mapped over nothing"
        elif state == UNKNOWN_STATE:
            reason = self._explain_unknown(task)
        else:
            reason = self._explain_uncounted(task)
        count = None if state == UNKNOWN_STATE else 0
        return TaskExpansion(task.task_id, count, mapped=True, states=(state,), reason=reason)

    def _blame(self, task: Task, state: str) -> str:
        """Return in words what ended the placeholder of a mapped task."""
        found = {name: self._worst_of(name) for name in task.upstream}
        blamed = [f"{name} is {ended}" for name, ended in found.items() if ended in _BLAMED.get(state, ())]
        if not blamed and self.scheduler.is_branched(task):
            return "a branch did not choose it"
        return ", ".join(blamed or [f"{name} is {ended}" for name, ended in found.items()])

    def _worst_of(self, name: str) -> str:
        states = self.rows[name].states
        return TaskExpansion(
            name, 0, mapped=True, states=tuple(state or UNKNOWN_STATE for state in states)
        ).state

    def _explain_unknown(self, task: Task) -> str:
        """Return why only a run would show how many instances a task has."""
        if not self.lengths.is_refused(task):
            return "an upstream output that decides the length is not known"
        outer = self.structure.mapped_groups_around(task)[-1].group_id
        reason = f"mapped over the argument of the mapped group {outer}, which Airflow cannot count"
        message = f"{task.task_id} is {reason}: no run can be created (NotImplementedError)"
        self._find(
            "DYN303", task.task_id, message, "make the combinations in a task, and map one group over them"
        )
        return reason

    def _explain_uncounted(self, task: Task) -> str:
        """Return why Airflow finds no length for a task that it is to expand."""
        never = [name for name in self.structure.sources_of(task) if self.lengths.is_never_counted(name)]
        if not never:
            return f"never expanded: trigger rule {task.trigger_rule} is met before all it is mapped over has ended"
        if never[0] in self.lengths.unpushed:
            return f"mapped over {never[0]}, a branch that skips something and then leaves no output"
        reason = f"mapped over {never[0]}, which stands in a mapped group: its length never becomes known"
        message = f"{task.task_id} is {reason}, so Airflow ends it upstream_failed"
        remedy = "collect the group's output in a plain task that returns one list, and map over that"
        self._find("DYN303", task.task_id, message, remedy)
        return reason

    # -- findings ---------------------------------------------------------------------------------

    def _find(self, rule: str, owner: str, message: str, remedy: str) -> None:
        finding = Finding(rule, self.structure.dag_id, self.structure.location_of(owner), message, remedy)
        if finding not in self.findings:
            self.findings.append(finding)

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
            uncounted=tuple(self.scheduler.uncounted),
            prevented=self.scheduler.unstartable,
        )
        self.findings += find_shared_labels(self.structure, tasks)
        self.findings += find_defects(scene)


_BLAMED: dict[str, frozenset[str]] = {SKIPPED: frozenset([SKIPPED]), UPSTREAM_FAILED: BAD}
"""The states above a task that give it a state."""
