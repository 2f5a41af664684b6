"""The scheduler of a run: which instances start next, which never do, and what mapped tasks are expanded to."""

# Pure: no Airflow, no database. It holds the rows of a run and is told how instances end; in passes it says what starts.
# A plan tells it what is given, a run what tasks really did. Source: DagRun.update_state and _get_ready_tis
# (models/dagrun.py), and the dependencies that they evaluate, all in ti_deps/deps/: trigger_rule_dep,
# not_previously_skipped_dep, mapped_task_upstream_dep (2.10.5 to 3.4.0b2). As there, rules look at the rows that had
# ended when the pass began; the number of rows and the mapping sources are looked up as they are at that moment.

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from pytest_dynadag.graph import rules
from pytest_dynadag.graph.behaviour import Behaviour
from pytest_dynadag.graph.edges import Dependency, Nodes, relate
from pytest_dynadag.graph.expansion import UNKNOWN, Unknown
from pytest_dynadag.graph.rules import Judgement, Tally
from pytest_dynadag.graph.skips import Decisions
from pytest_dynadag.graph.sources import Literal, MappingForm
from pytest_dynadag.graph.states import (
    BAD,
    FAILED,
    FINISHED,
    RUNNING,
    SCHEDULED,
    SKIPPED,
    SUCCESS,
    UNKNOWN_STATE,
    UPSTREAM_FAILED,
    Index,
    Rows,
    State,
)
from pytest_dynadag.graph.structure import Structure, Task

_LOOSE_RULE = "none_failed_min_one_success"
"""Before 3.3, the one rule that skips an instance and lets it start all the same."""

Measure = Callable[[str, MappingForm], int | Unknown | None]
"""
Returns the length of a mapped task or group, by its id and mapping, once everything it is mapped over has ended.

UNKNOWN is a length that only a run would show, None one that Airflow does not find either.
"""


class Ready(NamedTuple):
    """Instances of one task that start: *indexes* has a single None for a task without indexes."""

    task: Task
    indexes: Sequence[Index]


class Scheduler:
    """
    The rows of one run, and what becomes of each.

    Attributes:
        rows: The rows of each task, by task id.
        lengths: The length of each mapped task or group that is known, by id.
        unexpanded: Mapped tasks that were to be expanded and have no instances, with what their number was known to be.
        changed: Whether the last pass ended or expanded anything.
        disputed: Tasks that two dependencies end differently in one pass. Airflow goes through dependencies in the order
            of a set, which is that of memory addresses, and the last one wins; here always the same one does:
            trigger rule, then branches, then mapping sources.
        raced: Tasks that start in the pass after which a branch skips them.
        uncounted: Mapped tasks that a rule skips because no row that they wait for is counted.
        unstartable: Tasks that cannot start, to the mapped group whose length they would need.
    """

    def __init__(self, structure: Structure, behaviour: Behaviour, measure: Measure) -> None:
        self.structure, self.behaviour, self._measure = structure, behaviour, measure
        self.lengths: dict[str, int] = {}
        self.rows = {task.task_id: Rows() for task in structure.tasks}
        self.unexpanded: dict[str, int | Unknown | None] = {}
        self.changed = False
        self.disputed: dict[str, None] = {}
        self.raced: dict[str, None] = {}
        self.uncounted: dict[str, None] = {}
        self.unstartable: dict[str, str] = {}
        self._decisions = Decisions(structure, behaviour)
        order = sorted(structure.by_id) if behaviour.rows_by_task_id else list(structure.by_id)
        self._places = {name: place for place, name in enumerate(order)}
        self._names = order
        self._waiting = _list_waiting(structure)
        self._touched: set[str] = set()
        self._dirty = set(order)
        self._queue: list[int] = []
        self._place = -1
        self._expanded: list[Task] = []
        self._ready: list[Ready] = []
        self._begun = False

    def _begin(self) -> None:
        """Expand what is mapped over literals alone, as Airflow does when it creates a run."""
        self._begun = True
        for task in self.structure.tasks:
            if is_written(self.structure, task) and isinstance(count := self.count(task), int) and count:
                self.rows[task.task_id].expand(count)

    # -- what a run reports -----------------------------------------------------------------------

    def end(self, task_id: str, index: Index, state: str) -> None:
        """Note that an instance has ended in *state*."""
        self.rows[task_id].set(index, state)
        self._touched.add(task_id)

    def end_all(self, task_id: str, states: Sequence[str]) -> None:
        """Note how all instances of a task have ended; one entry stands for all."""
        self.rows[task_id].set_all(states)
        self._touched.add(task_id)

    def hold(self, task_id: str, index: Index, state: str) -> None:
        """Note that an instance has not ended: it is running, up for retry or rescheduled."""
        self.rows[task_id].set(index, state)

    def release(self, task_id: str, index: Index) -> None:
        """Let the next pass look again at an instance that is to be retried, or was rescheduled."""
        self.rows[task_id].set(index, None)
        self._dirty.add(task_id)

    def decide(self, task: Task, index: Index, skipped: Iterable[str]) -> None:
        """Note which tasks below it a branch or short circuit has skipped, and mark the rows that it marks itself."""
        names = list(skipped)
        self.note_decision(task, index, names)
        for name in names:
            for row in self._decisions.marked_by(task, index, self.rows[name]):
                self.mark_skipped(name, row)

    def note_decision(self, task: Task, index: Index, skipped: Iterable[str]) -> None:
        """Note which tasks below it a branch or short circuit, or one instance of it, has skipped."""
        self._decisions.note(task, index, skipped)
        self._dirty.update(skipped)

    def mark_skipped(self, task_id: str, index: Index) -> None:
        """
        Skip a row at once, as a branch does by itself, unless it has gone too far.

        Source: `ti_skip_downstream` (api_fastapi/execution_api/routes/task_instances.py), `SkipMixin` (2.x).
        """
        state = self.rows[task_id][index]
        if any(task_id == ready.task.task_id and index in ready.indexes for ready in self._ready):
            self.raced[task_id] = None
        if self.behaviour.skip_overwrites or state not in (RUNNING, SUCCESS, FAILED):
            self.end(task_id, index, SKIPPED)

    def stop(self, failed: str) -> None:
        """
        End what has not ended, as a DAG with `fail_fast` does when the task *failed* fails; teardowns are left.

        Source: `_stop_remaining_tasks` (models/taskinstance.py, 3.3.2 and 2.11.2).
        """
        for name, rows in self.rows.items():
            if name != failed and not self.structure[name].is_teardown:
                for index, state in enumerate(rows):
                    if state not in (SUCCESS, FAILED):
                        end = FAILED if state == RUNNING else SKIPPED
                        self.end(name, None if rows.count is None else index, end)

    # -- a pass -----------------------------------------------------------------------------------

    def advance(self) -> list[Ready]:
        """
        Look at everything that may have changed since the last pass.

        Returns:
            The instances that start, by task id. If there are none and nothing has *changed*, none ever will
            before something else ends.
        """
        if not self._begun:
            self._begin()
        for name in self._touched:
            self.rows[name].catch_up()
            self._dirty.update(self._waiting[name])
        self._touched, self.changed, self._ready = set(), False, []
        self._queue = sorted(self._places[name] for name in self._dirty)
        self._dirty = set()
        while self._queue:
            place = heapq.heappop(self._queue)
            if place != self._place:
                self._place = place
                self._look_at(self.structure[self._names[place]])
        self._place = -1
        for task in self._expanded:  # behind all others, as their rows are the newest
            self._judge_rows(task)
        self._expanded = []
        self._ready.sort(key=lambda ready: ready.task.task_id)
        return self._ready

    def _look_at(self, task: Task) -> None:
        rows = self.rows[task.task_id]
        if rows.count is not None or not self.structure.is_mapped(task):
            self._judge_rows(task)
            return
        if rows[None] is not None:
            return
        state, met = self._judge(task, None)
        if state is not None:
            self._decide(task, None, state)
        if met and (state is None or self._starts_all_the_same(state)):
            self._expand(task, state)

    def _judge_rows(self, task: Task) -> None:
        """Judge the rows of a task that no decision was made about, alike where nothing tells them apart."""
        rows = self.rows[task.task_id]
        waiting = rows.indexes_in(None)
        if not waiting:
            return
        varying = self._varying(task)
        alike = not varying and not self._decisions.concern(task)
        if alike and len(waiting) == len(rows):
            state = self._judge_one(task, None if rows.count is None else 0)
            if state is not None:
                self._set(task, range(len(rows)), state, every=True)
            return
        known: dict[object, State] = {}
        by_state: dict[str, list[int]] = {}
        for index in waiting:
            signature = tuple(_sign(above, link, index) for above, link in varying)
            key = (signature, index if self._decisions.concern(task) else None)
            if key not in known:
                known[key] = self._judge_one(task, None if rows.count is None else index)
            if (state := known[key]) is not None:
                by_state.setdefault(state, []).append(index)
        for state, indexes in by_state.items():
            self._set(task, indexes, state)

    def _judge_one(self, task: Task, index: Index) -> State:
        state, met = self._judge(task, index)
        return state if state is not None else SCHEDULED if met else None

    def _set(self, task: Task, indexes: Sequence[int], state: str, *, every: bool = False) -> None:
        rows = self.rows[task.task_id]
        if every:
            rows.set_all([state])
        else:
            for index in indexes:
                rows.set(index, state)
        if state == SCHEDULED:
            self._ready.append(Ready(task, [None] if rows.count is None else indexes))
        else:
            self._note_change(task)

    def _decide(self, task: Task, index: Index, state: str) -> None:
        self.rows[task.task_id].set(index, state)
        self._note_change(task)

    def _note_change(self, task: Task) -> None:
        """Note that the scheduler itself has changed the rows of a task; what looks rows up sees it in this pass."""
        self.changed = True
        self._touched.add(task.task_id)
        for name in self._waiting[task.task_id]:
            if self._places[name] > self._place >= 0:
                heapq.heappush(self._queue, self._places[name])

    # -- expanding --------------------------------------------------------------------------------

    def _expand(self, task: Task, state: State) -> None:
        """
        Expand the placeholder of a mapped task, or end it (`TaskMap.expand_mapped_task`, models/taskmap.py).

        *state* is what a rule has made of it that lets it be expanded all the same.
        """
        count = self.count(task)
        if isinstance(count, int) and count:
            self.rows[task.task_id].expand(count, state if self.behaviour.expands_what_it_skips else None)
            self._note_change(task)
            self._expanded.append(task)
        elif state is None:
            self.unexpanded[task.task_id] = count
            end = UNKNOWN_STATE if isinstance(count, Unknown) else SKIPPED if count == 0 else UPSTREAM_FAILED
            self._decide(task, None, end)

    def _starts_all_the_same(self, state: str) -> bool:
        return state == SKIPPED and (
            self.behaviour.expands_what_it_skips or self.behaviour.runs_what_it_skips
        )

    def count(self, task: Task) -> int | Unknown | None:
        """
        Return how many instances a mapped task has: its own length times those of the mapped groups around it.

        UNKNOWN where only a run would show it, None where Airflow does not know it either, or not yet. Source:
        `get_mapped_ti_count` (serialization/definitions/mappedoperator.py, 3.3.2; AbstractOperator, 2.11.2).
        """
        lengths = [self.measure(owner, mapping) for owner, mapping in self.structure.mappings_of(task)]
        total = 1
        for length in lengths:
            if isinstance(length, int):
                total *= length
        if None in lengths:
            return None
        return total if all(isinstance(length, int) for length in lengths) else UNKNOWN

    def measure(self, owner: str, mapping: MappingForm) -> int | Unknown | None:
        """Return the length of one mapped task or group, see `count`."""
        if owner not in self.lengths:
            if not all(self.rows[name].are_finished for name in self.structure.sources[owner]):
                return None
            length = self._measure(owner, mapping)
            if not isinstance(length, int):
                return length
            self.lengths[owner] = length
        return self.lengths[owner]

    def find_missing_length(self, task: Task) -> str | None:
        """
        Return the mapped group above a task whose length is not known as the task starts; None if it can start.

        The API server tells a worker which indexes there are above its task. Airflow 3.0 gives up where a mapped group
        has no length: `_get_upstream_map_indexes`, api_fastapi/execution_api/routes/task_instances.py, 3.0.6.
        """
        for name in task.upstream if self.behaviour.starts_need_lengths else ():
            for group in self.structure.mapped_groups_around(self.structure[name])[:1]:
                if group.mapping and self.measure(group.group_id, group.mapping) is None:
                    self.unstartable[task.task_id] = group.group_id
                    return group.group_id
        return None

    # -- dependencies -----------------------------------------------------------------------------

    def is_branched(self, task: Task) -> bool:
        """Return whether a branch or short circuit has skipped *task*, or some of it."""
        return self._decisions.concern(task)

    def _judge(self, task: Task, index: Index) -> Judgement:
        """Judge one row by all its dependencies."""
        state, met = self._judge_by_rule(task, index)
        if self._decisions.concern(task) and self._decisions.find(task, index, self.rows):
            if state == UPSTREAM_FAILED:
                self.disputed[task.task_id] = None
            state, met = SKIPPED, False
        by_sources = self._judge_sources(task)
        if by_sources is None:
            return Judgement(state, met)
        if state not in (None, by_sources):
            self.disputed[task.task_id] = None
        return Judgement(state if state in BAD else by_sources, met=False)

    def _judge_by_rule(self, task: Task, index: Index) -> Judgement:
        """Judge by the trigger rule, by setups further above, and by a teardown's scope."""
        if not task.upstream or task.trigger_rule == "always":
            return Judgement(None, met=True)
        setups = self.structure.setups_above(task)
        needed = rules.judge_all_success(self._tally(task, index, setups))
        if needed.state:
            return Judgement(needed.state, met=False)
        direct = self._tally(task, index, task.upstream)
        state, met = rules.judge(task.trigger_rule, direct)
        if state == SKIPPED and not direct.total and task.trigger_rule == _LOOSE_RULE and index is None:
            self.uncounted[task.task_id] = None
        if task.is_teardown and self.behaviour.teardown_waits_for_scope:
            met = met and self._tally(task, index, self.structure.scope_of(task)).done
        return Judgement(state, met and needed.met)

    def _judge_sources(self, task: Task) -> State:
        """
        Return the state that unexpanded tasks give to what is mapped over them, whatever its trigger rule.

        They are those that the task, or the closest mapped group around it, is mapped over.
        """
        rows = (self.rows[name] for name in self.structure.sources_of(task))
        states = {unexpanded[None] for unexpanded in rows if unexpanded.count is None}
        if states & BAD:
            return UPSTREAM_FAILED
        return SKIPPED if SKIPPED in states else None

    # -- which rows above count -------------------------------------------------------------------

    def _tally(self, task: Task, index: Index, names: Iterable[str]) -> Tally:
        """Count the rows of the tasks *names* that one row of *task* waits for."""
        total = Tally()
        for name in names:
            upstream, rows = self.structure[name], self.rows[name]
            link = self._link(task, index, upstream)
            if link is None:
                total.add(len(rows), rows.seen, is_setup=upstream.is_setup)
            elif index is not None:  # a placeholder looks for index -1, which is gone
                indexes = link.upstream_indexes(index) or range(0)
                ended: dict[str, int] = {}
                for above in indexes:
                    if (state := rows.seen_at(above)) is not None:
                        ended[state] = ended.get(state, 0) + 1
                total.add(len(indexes), ended, is_setup=upstream.is_setup)
        return total

    def _link(self, task: Task, index: Index, upstream: Task) -> Dependency | None:
        """Return how the rows of *upstream* are picked for one of *task*; None if all of them count."""
        above = self.rows[upstream.task_id].count
        if above is None or not self.structure.mapped_groups_around(task) or self._is_eager(task, index):
            return None
        own = self.rows[task.task_id].count
        count = self.count(task) if own is None else own
        if not isinstance(count, int) or not count:
            return None
        kind, ancestors = relate(self.structure, task, upstream, self.lengths)
        if kind == "all":
            return None
        here = Nodes(task.task_id, count, task.task_id)
        return Dependency(Nodes(upstream.task_id, above, upstream.task_id), here, kind, ancestors)

    def _is_eager(self, task: Task, index: Index) -> bool:
        if task.trigger_rule not in self.behaviour.eager_rules:
            return False
        if index is not None and not self.behaviour.eager_when_expanded:
            return False
        return self.behaviour.eager_in_inner_groups or self.structure.is_directly_in_mapped_group(task)

    def _varying(self, task: Task) -> list[tuple[Rows, Dependency]]:
        """Return the upstreams of which one index of *task* may meet other ends than the next."""
        if not self.structure.mapped_groups_around(task) or self.rows[task.task_id].count is None:
            return []
        names = (*task.upstream, *self.structure.setups_above(task), *self.structure.scope_of(task))
        links = ((self.rows[name], self._link(task, 0, self.structure[name])) for name in names)
        return [(rows, link) for rows, link in links if link is not None and not rows.were_alike]

    # -- the whole --------------------------------------------------------------------------------

    def run_state(self) -> str | None:
        """Return how the run has ended; None while an instance has not (`DagRun.update_state`, models/dagrun.py)."""
        if not all(rows.are_finished for rows in self.rows.values()):
            return None
        states = {state for name in self._find_leaves() for state in self.rows[name].states}
        return FAILED if states & BAD else SUCCESS

    def _find_leaves(self) -> list[str]:
        """Return the tasks that decide how the run ends: the last ones, teardowns left out unless they fail the run."""
        structure = self.structure
        ignored = {task.task_id for task in structure.tasks if task.is_teardown and not task.fails_run}
        last = [
            name
            for name, below in structure.downstream.items()
            if name not in ignored and ignored.issuperset(below)
        ]
        return last or [name for name, below in structure.downstream.items() if not below]

    def list_unfinished(self) -> Iterator[tuple[Task, Index, State]]:
        """Yield every row that has not ended, with its state."""
        for task in self.structure.tasks:
            rows = self.rows[task.task_id]
            for index, state in enumerate(rows):
                if state not in FINISHED:
                    yield task, None if rows.count is None else index, state

    def explain(self, task: Task) -> str:
        """Return in words what an instance of *task* waits for."""
        above = dict.fromkeys(
            (*task.upstream, *self.structure.setups_above(task), *self.structure.scope_of(task))
        )
        open_ones = [name for name in above if not self.rows[name].are_finished]
        if not open_ones:
            return f"trigger rule {task.trigger_rule} is not met"
        return f"trigger rule {task.trigger_rule} waits for {', '.join(open_ones)}"


def is_written(structure: Structure, task: Task) -> bool:
    """Return whether the file alone decides how many: such tasks are expanded when the run is created."""
    mappings = structure.mappings_of(task)
    return bool(mappings) and all(
        isinstance(source, Literal) for _, mapping in mappings for source in mapping.sources
    )


def _list_waiting(structure: Structure) -> dict[str, set[str]]:
    """Return, for each task, the tasks that look at its rows."""
    waiting: dict[str, set[str]] = {task.task_id: set() for task in structure.tasks}
    for task in structure.tasks:
        above = {*task.upstream, *structure.setups_above(task), *structure.scope_of(task)}
        for owner, _ in structure.mappings_of(task):
            above.update(structure.sources[owner])
        for name in above:
            waiting[name].add(task.task_id)
    return waiting


def _sign(above: Rows, link: Dependency, index: int) -> tuple[State, ...]:
    return tuple(above.seen_at(each) for each in link.upstream_indexes(index) or ())
