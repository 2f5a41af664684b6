"""The planner: what a structure becomes for a given, computed without running anything."""

# Pure: no Airflow, no database. States what Airflow does; held to that by comparison with real runs.
# Why states matter: a mapped task whose source did not succeed is never expanded, whatever its trigger rule.

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_dynadag.errors import GivenError, MissingGivenError, UnknownNameError
from pytest_dynadag.findings import Finding
from pytest_dynadag.graph import rules
from pytest_dynadag.graph.behaviour import behaviour_of
from pytest_dynadag.graph.edges import (
    Dependency,
    Nodes,
    connect,
    count_ancestors,
    is_mapped_again,
    shared_group,
)
from pytest_dynadag.graph.expansion import UNKNOWN, Expansion, TaskExpansion, Unknown
from pytest_dynadag.graph.given import MISSING, Failed, Given, Skipped, parse_key
from pytest_dynadag.graph.pushes import Refusal, refuse
from pytest_dynadag.graph.skips import choose_skips
from pytest_dynadag.graph.sources import Argument, Literal, Output, Product, Rows, iterate_references
from pytest_dynadag.graph.structure import Structure, Task
from pytest_dynadag.graph.values import IndexFailed, IndexSkipped, Table, count_instances, tabulate
from pytest_dynadag.location import Location

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
    for task in structure.tasks:
        planner.expand(task)
    if strict and planner.missing:
        raise MissingGivenError(structure.dag_id, planner.missing, given.task_ids)
    return planner.finish()


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
        task = structure[task_id]
        if index is not None and not structure.is_mapped(task):
            why = f"{task_id} is not mapped, so it has no index"
            raise GivenError(structure.dag_id, key, why, next_step=f"write {task_id!r}")
        value = given.outputs.get(key)
        per_index = isinstance(value, (list, tuple, Skipped, Failed)) or callable(value)
        if key in given.outputs and index is None and structure.is_mapped(task) and not per_index:
            why = (
                f"{task_id} is mapped, so its output is one value per instance, not a {type(value).__name__}"
            )
            next_step = "give a list with one entry per index, or a callable of an instance's inputs"
            raise GivenError(structure.dag_id, key, why, next_step=next_step)


@dataclass(slots=True)
class _Outcome:
    """What became of one task: its expansion, and its outputs by position (MISSING where not known)."""

    expansion: TaskExpansion
    outputs: list[Any]

    def state_of(self, index: int) -> str:
        return self.expansion.state_of(index)

    @property
    def uniform(self) -> bool:
        return len(self.expansion.states) <= 1

    def tallied(self, is_setup: bool, indexes: range | None = None) -> list[tuple[str, int, bool]]:
        """Give (state, number, is setup) of the nodes, or of those with one of *indexes*."""
        expansion = self.expansion
        if not (expansion.mapped and expansion.count):
            return [(expansion.state, 1, is_setup)]
        chosen = range(expansion.count) if indexes is None else indexes
        if self.uniform:
            return [(expansion.states[0], len(chosen), is_setup)]
        return [(expansion.states[index], 1, is_setup) for index in chosen]


@dataclass(slots=True)
class _Planner:
    structure: Structure
    given: Given
    label: Labeller | None
    outcomes: dict[str, _Outcome] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)
    missing: dict[str, list[tuple[str, Location | None]]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    tables: dict[str, Table] = field(default_factory=dict)
    skipped: dict[str, list[tuple[Task, int | None]]] = field(default_factory=dict)

    # -- one task ---------------------------------------------------------------------------------

    def expand(self, task: Task) -> None:
        """Work out what *task* becomes; the tasks above it have been worked out."""
        if not self.structure.is_mapped(task):
            state = self._skipped_state(task, None) or self._judge(task, None)
            self._settle(task, None, [state])
            return
        count = self._count(task)
        early = self._source_state(task)
        if isinstance(count, int) and count and self._expands_at_once(task):
            self._settle(task, count, [early or state for state in self._states(task, count)])
            return
        early = early or self._early_state(task)
        if early is not None:
            self._leave(task, 0, early, f"never expanded: {self._why(task, early)}")
        elif isinstance(count, Unknown):
            self._leave_uncounted(task)
        elif count == 0:
            self._leave(task, 0, rules.SKIPPED, "mapped over nothing")
        else:
            self._settle(task, count, self._states(task, count))

    def _expands_at_once(self, task: Task) -> bool:
        """Tell whether the file alone decides the length: such tasks are expanded when the run is created."""
        return all(_is_literal(mapping) for _, mapping in self.structure.mappings_of(task))

    def _leave(self, task: Task, count: int | None, state: str, reason: str) -> None:
        self.outcomes[task.task_id] = _Outcome(
            TaskExpansion(task.task_id, count, True, (state,), [], (), reason), []
        )

    def _leave_uncounted(self, task: Task) -> None:
        never = [name for name in self._source_tasks(task) if self._never_counted(name)]
        if not never:
            self._leave(
                task, None, rules.UNKNOWN_STATE, "an upstream output that decides the length is not known"
            )
            return
        reason = f"mapped over {never[0]}, which stands in a mapped group: its length never becomes known"
        self._leave(task, 0, rules.UPSTREAM_FAILED, reason)
        message = f"{task.task_id} is {reason}, so Airflow ends it upstream_failed"
        remedy = "collect the group's output in a plain task that returns one list, and map over that"
        self._find("DYN303", task.task_id, message, remedy)

    def _settle(self, task: Task, count: int | None, states: Sequence[str | None]) -> None:
        """Work out inputs, labels, outputs and end states of the instances; None among *states* runs."""
        indexes: Sequence[int | None] = [None] if count is None else range(count)
        inputs: list[Mapping[str, Any]] = []
        outputs: list[Any] = []
        ended: list[str] = []
        for index, early in zip(indexes, states, strict=True):
            arguments, obstacle = self._inputs(task, index)
            output: Any = MISSING
            state = early or obstacle
            if state is None:
                state, output = self._end(task, index, arguments)
            inputs.append(arguments)
            outputs.append(output)
            ended.append(state)
        labels = self._labels(task, indexes, inputs)
        uniform = len(set(ended)) == 1
        expansion = TaskExpansion(
            task.task_id,
            len(ended),
            count is not None,
            tuple(ended[:1] if uniform else ended),
            inputs,
            labels,
        )
        self.outcomes[task.task_id] = _Outcome(expansion, outputs)
        self._note_skips(task)

    # -- how many ---------------------------------------------------------------------------------

    def _count(self, task: Task) -> int | Unknown:
        """Give the product of the lengths of the task's own mapping and of the groups around it."""
        total = 1
        unknown = False
        for owner, mapping in self.structure.mappings_of(task):
            if owner not in self.lengths:
                length = count_instances(mapping, lambda output, owner=owner: self._countable(output, owner))  # type: ignore[misc]
                if isinstance(length, Unknown):
                    unknown = True
                    continue
                self.lengths[owner] = length
            total *= self.lengths[owner]
        return UNKNOWN if unknown else total

    def _countable(self, output: Output, owner: str) -> Any:
        """Give an output to count, and note it as missing if it is needed and not known."""
        outcome = self.outcomes[output.task_id]
        ended = outcome.expansion.state in (rules.SUCCESS, rules.UNKNOWN_STATE)
        if self._never_counted(output.task_id) or not (ended or outcome.expansion.mapped):
            return UNKNOWN
        value = self._lookup(output)
        if value is UNKNOWN:
            need = (f"{owner}[?]", self.structure.location_of(owner))
            needs = self.missing.setdefault(output.task_id, [])
            if need not in needs:
                needs.append(need)
        return value if isinstance(value, (list, tuple, dict)) else UNKNOWN

    def _lookup(self, output: Output) -> Any:
        """Give what a task's output is to a mapping; of a mapped task the outputs that exist, closed up."""
        outcome = self.outcomes[output.task_id]
        if not outcome.expansion.mapped:
            value = outcome.outputs[0] if outcome.outputs else MISSING
            return UNKNOWN if value is MISSING else value
        if outcome.expansion.count is None:
            return UNKNOWN
        succeeded = [
            value
            for index, value in enumerate(outcome.outputs)
            if outcome.state_of(index) == rules.SUCCESS and value is not None
        ]
        return UNKNOWN if any(value is MISSING for value in succeeded) else succeeded

    def _never_counted(self, task_id: str) -> bool:
        """A plain task inside a mapped group pushes no length that the scheduler would find."""
        task = self.structure[task_id]
        return task.mapping is None and bool(self.structure.mapped_groups_around(task))

    def _source_tasks(self, task: Task) -> list[str]:
        """Give the tasks whose outputs the task, or the closest mapped group around it, is mapped over."""
        mapping = task.mapping or self.structure.mapped_groups_around(task)[0].mapping
        return list(dict.fromkeys(r.task_id for r in iterate_references(mapping) if isinstance(r, Output)))

    # -- whether it runs --------------------------------------------------------------------------

    def _source_state(self, task: Task) -> str | None:
        """
        Give the state that unexpanded sources put a mapped task in, whatever its trigger rule.

        Source: MappedTaskUpstreamDep, ti_deps/deps/mapped_task_upstream_dep.py.
        """
        sources = [self.outcomes[name].expansion for name in self._source_tasks(task)]
        states = {source.state for source in sources if not (source.mapped and source.count)}
        if states & {rules.FAILED, rules.UPSTREAM_FAILED}:
            return rules.UPSTREAM_FAILED
        return rules.SKIPPED if rules.SKIPPED in states else None

    def _early_state(self, task: Task) -> str | None:
        """Give the state that the task's other upstreams put its unexpanded placeholder in."""
        if state := self._skipped_state(task, None):
            return state
        counted: list[tuple[str, int, bool]] = []
        for name in task.upstream:
            upstream, outcome = self.structure[name], self.outcomes[name]
            shared = shared_group(self.structure, task, upstream)
            if shared and outcome.expansion.mapped and outcome.expansion.count:
                continue  # expanded in the same group: each index looks at its own
            counted += outcome.tallied(upstream.is_setup)
        return self._judge_tally(task, rules.tally(counted))

    def _states(self, task: Task, count: int) -> list[str | None]:
        """Give the state of each index before it runs: None where it does."""
        if self._all_alike(task):
            state = self._skipped_state(task, 0) or self._judge(task, 0, count)
            return [state] * count
        return [self._skipped_state(task, index) or self._judge(task, index, count) for index in range(count)]

    def _all_alike(self, task: Task) -> bool:
        """Tell whether every index of *task* meets the same states above it."""
        if task.task_id in self.skipped and any(index is not None for _, index in self.skipped[task.task_id]):
            return False
        shared = (n for n in task.upstream if shared_group(self.structure, task, self.structure[n]))
        return all(self.outcomes[name].uniform for name in shared)

    def _judge(self, task: Task, index: int | None, count: int | None = None) -> str | None:
        counted: list[tuple[str, int, bool]] = []
        for name in task.upstream:
            upstream, outcome = self.structure[name], self.outcomes[name]
            counted += outcome.tallied(upstream.is_setup, self._relevant(task, index, count, upstream))
        return self._judge_tally(task, rules.tally(counted))

    def _judge_tally(self, task: Task, upstream: rules.Tally) -> str | None:
        strict = behaviour_of(self.structure.airflow_version).strict_min_one_success
        return rules.judge(task.trigger_rule, upstream, strict_min_one_success=strict)

    def _relevant(self, task: Task, index: int | None, count: int | None, upstream: Task) -> range | None:
        """Give the upstream indexes that one instance looks at; None means all."""
        shared = shared_group(self.structure, task, upstream)
        nodes = self.outcomes[upstream.task_id].expansion.nodes
        if shared is None or index is None or not count or nodes.count is None or self._looks_at_all(task):
            return None
        ancestors = max(count_ancestors(self.structure, shared, self.lengths), 1)
        kind = "block" if is_mapped_again(self.structure, upstream, shared) else "index"
        return Dependency(nodes, Nodes(task.task_id, count, task.task_id), kind, ancestors).upstream_indexes(
            index
        )

    def _looks_at_all(self, task: Task) -> bool:
        broad = ("one_success", "one_failed", "one_done")
        return (
            task.trigger_rule in broad
            and not behaviour_of(self.structure.airflow_version).indexwise_one_rules
        )

    # -- branching --------------------------------------------------------------------------------

    def _skipped_state(self, task: Task, index: int | None) -> str | None:
        """Give `skipped` if a branch or short circuit above decided so for this instance."""
        deciders = self.skipped.get(task.task_id, [])
        return rules.SKIPPED if any(at is None or at == index for _, at in deciders) else None

    def _note_skips(self, task: Task) -> None:
        """Note what a finished branch or short circuit skips; a mapped one skips what no index chose."""
        if task.skips is None:
            return
        outcome = self.outcomes[task.task_id]
        decided = [
            choose_skips(self.structure, task, output)
            for index, output in enumerate(outcome.outputs)
            if output is not MISSING and outcome.state_of(index) == rules.SUCCESS
        ]
        if not decided:
            return
        if self.structure.mapped_groups_around(task):
            self._note_skips_in_group(task, outcome)
            return
        for name in frozenset.intersection(*decided):
            self.skipped.setdefault(name, []).append((task, None))

    def _note_skips_in_group(self, task: Task, outcome: _Outcome) -> None:
        if not behaviour_of(self.structure.airflow_version).branch_skips_in_group:
            return
        for index, output in enumerate(outcome.outputs):
            if output is not MISSING:
                for name in choose_skips(self.structure, task, output):
                    self.skipped.setdefault(name, []).append((task, index))

    # -- one instance -----------------------------------------------------------------------------

    def _inputs(self, task: Task, index: int | None) -> tuple[dict[str, Any], str | None]:
        """Give what `expand` gives one instance, and the state it ends in if that cannot be had."""
        arguments: dict[str, Any] = {}
        if index is None:
            return arguments, None
        obstacle = None
        for owner, mapping in reversed(self.structure.mappings_of(task)):
            try:
                arguments.update(self._table(owner, mapping).row(index))
            except IndexSkipped:
                obstacle = rules.SKIPPED if self._needs(task, owner) else obstacle
            except IndexFailed:
                obstacle = rules.FAILED if self._needs(task, owner) else obstacle
        return arguments, obstacle

    def _needs(self, task: Task, owner: str) -> bool:
        return owner == task.task_id or task.uses_argument(owner)

    def _table(self, owner: str, mapping: Product | Rows) -> Table:
        if owner not in self.tables:
            whole = behaviour_of(self.structure.airflow_version).concat_counts_whole
            self.tables[owner] = tabulate(mapping, self._lookup, concat_counts_whole=whole)
        return self.tables[owner]

    def _end(self, task: Task, index: int | None, inputs: Mapping[str, Any]) -> tuple[str, Any]:
        """Give the state in which an instance that runs ends, and its output."""
        output = self.given.output_of(task.task_id, index, inputs)
        if isinstance(output, Skipped):
            return rules.SKIPPED, MISSING
        if isinstance(output, Failed):
            return rules.FAILED, MISSING
        owners = self.structure.mapped_over.get(task.task_id, ())
        if task.mapping is None and owners and (output is not MISSING or not task.pushes_output):
            limit = self.given.max_map_length
            if refusal := refuse(output, pushes_output=task.pushes_output, max_map_length=limit):
                self._report_refusal(task, refusal, owners)
                return rules.FAILED, MISSING
        return rules.SUCCESS, output

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

    def _why(self, task: Task, state: str) -> str:
        blamed = [name for name in task.upstream if self.outcomes[name].expansion.state in _BLAME[state]]
        ended = [f"{name} is {self.outcomes[name].expansion.state}" for name in blamed]
        return f"{', '.join(ended) or 'a branch did not choose it'} (trigger rule {task.trigger_rule})"

    def finish(self) -> Expansion:
        """Put the parts together."""
        tasks = tuple(self.outcomes[task.task_id].expansion for task in self.structure.tasks)
        nodes = {task.task_id: task.nodes for task in tasks}
        dependencies = connect(self.structure, nodes, self.lengths)
        return Expansion(self.structure.dag_id, tasks, dependencies, tuple(self.findings))


_BLAME: dict[str, tuple[str, ...]] = {
    rules.SKIPPED: (rules.SKIPPED,),
    rules.UPSTREAM_FAILED: (rules.FAILED, rules.UPSTREAM_FAILED),
}


def _is_literal(mapping: Product | Rows) -> bool:
    return all(isinstance(source, (Literal, Argument)) for source in mapping.sources)
