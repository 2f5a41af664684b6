"""What the scheduler makes of each instance before it runs: whether it runs, when, or the state it gets instead."""

# Pure: no Airflow, no database. Source: DagRun._get_ready_tis (models/dagrun.py) and the dependencies it asks, all in
# ti_deps/deps/: trigger_rule_dep, not_previously_skipped_dep, mapped_task_upstream_dep. An instance that is
# mapped is met twice: as a placeholder without an index until it is expanded, then index by index.

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pytest_dynadag.graph import rules
from pytest_dynadag.graph.behaviour import Behaviour
from pytest_dynadag.graph.edges import Dependency, Nodes, relate
from pytest_dynadag.graph.ends import BAD, SKIPPED, UPSTREAM_FAILED, End, Ends, Verdict
from pytest_dynadag.graph.expansion import Unknown
from pytest_dynadag.graph.skips import Index, Skips
from pytest_dynadag.graph.structure import Structure, Task

_LOOSE_RULE = "none_failed_min_one_success"
"""Before 3.3, the one rule that marks an instance as skipped and counts as met all the same."""

Signature = tuple[tuple[End, ...], ...]
"""The ends above one index that may differ from those above another."""


@dataclass(slots=True)
class Scheduler:
    """
    Judges the instances of one task after another, upstream tasks first.

    *ends* is what has been worked out so far, *lengths* the length of each mapped task or group that is known.
    *disputed* names tasks that two dependencies end differently in one pass. Airflow goes through dependencies in
    the order of a set, which is that of memory addresses, and the last one wins; here always the same does: trigger
    rule, then branches, then mapping sources. *raced* names tasks that start while a branch skips them.
    """

    structure: Structure
    behaviour: Behaviour
    skips: Skips
    lengths: Mapping[str, int]
    ends: dict[str, Ends] = field(default_factory=dict)
    disputed: dict[str, None] = field(default_factory=dict)
    raced: dict[str, None] = field(default_factory=dict)

    def judge_row(self, task: Task, count: int | Unknown | None = None) -> Verdict:
        """
        Judge a plain task, or the placeholder of a mapped one.

        Args:
            task: The task; the ends of all tasks above it are known.
            count: How many instances it would have; None for a task that is not mapped.
        """
        known = count if isinstance(count, int) else None
        verdict = self._look_up_skip(task, None, self._judge(task, None, known))
        if count is not None:
            verdict = self._join(task, verdict, self._judge_sources(task))
        return self._mark_skip(task, None, verdict, since=0)

    def skips_uncounted(self, task: Task, count: int) -> bool:
        """
        Tell whether a placeholder is skipped because all it waits for is expanded already, so that it counts no row.

        `none_failed_min_one_success` then finds as many skipped rows as there are rows: none.
        """
        if task.trigger_rule != _LOOSE_RULE or not task.upstream:
            return False
        return not self._tally_above(task, None, count, task.upstream).all

    def skips_loosely(self, task: Task, count: int, verdict: Verdict) -> bool:
        """Tell whether a placeholder is marked as skipped by a rule that counts as met, and by nothing else."""
        if task.trigger_rule != _LOOSE_RULE or verdict.state != SKIPPED:
            return False
        found = self.skips.looked_up(task, None)
        others = [self._judge_sources(task), Verdict(SKIPPED if found is not None else None, found or 0)]
        if any(other.state and other.wave <= verdict.wave for other in others):
            return False
        return self._judge(task, None, count) == verdict

    def judge_indexes(self, task: Task, count: int, since: int) -> list[Verdict]:
        """
        Judge the *count* instances of a mapped task that is expanded in the pass *since*.

        Returns:
            One verdict per index, or a single one that holds for all.
        """
        varying = self._varying(task, count)
        if not varying and not self.skips.concern(task):
            return [self._judge_index(task, 0, count, since)]
        judged: dict[Signature, Verdict] = {}
        verdicts = []
        for index in range(count):
            key = _sign(varying, index)
            if key not in judged:
                judged[key] = self._judge_index(task, index, count, since)
            found = self._look_up_skip(task, index, judged[key])
            verdicts.append(self._mark_skip(task, index, found, since))
        return verdicts

    def _judge_index(self, task: Task, index: int, count: int, since: int) -> Verdict:
        verdict = self._judge(task, index, count)
        if not since:
            verdict = self._join(task, verdict, self._judge_sources(task))
        return Verdict(verdict.state, max(verdict.wave, since))

    def _judge(self, task: Task, index: Index, count: int | None) -> Verdict:
        """Judge by the trigger rule, by setups further above, and by a teardown's scope."""
        if not task.upstream:
            return Verdict(None, 0)
        direct = self._tally_above(task, index, count, task.upstream)
        verdict = rules.judge(task.trigger_rule, direct)
        if task.is_teardown:
            return self._wait_for_scope(task, index, count, verdict)
        if setups := self.structure.setups_above(task):
            needed = rules.judge_all_success(self._tally_above(task, index, count, setups))
            return needed if needed.state and needed.wave <= verdict.wave else _stricter(needed, verdict)
        return verdict

    def _wait_for_scope(self, task: Task, index: Index, count: int | None, verdict: Verdict) -> Verdict:
        scope = self.structure.scope_of(task) if self.behaviour.teardown_waits_for_scope else ()
        if verdict.state or not scope:
            return verdict
        return Verdict(None, max(verdict.wave, self._tally_above(task, index, count, scope).done))

    def _judge_sources(self, task: Task) -> Verdict:
        """
        Judge by the unexpanded tasks that a task, or the closest mapped group around it, is mapped over.

        Whatever the trigger rule. Nobody waits for them here: a rule that is met early meets a length that is not known.
        """
        unexpanded = (n for n in self.structure.sources_of(task) if self.ends[n].count is None)
        seen = (self._see(name, task) for name in unexpanded)
        verdict = rules.judge_all_success(rules.tally(({end: 1}, False) for end in seen))
        return verdict if verdict.state else Verdict(None, 0)

    def _see(self, source: str, task: Task) -> End:
        """
        Give the end of a source that *task* sees first, as of the wave before the pass in which it sees it.

        Sources are looked up in the database, where what the scheduler decided earlier in the same pass stands
        already; it goes through the rows in the order in which they were made.
        """
        ends = self.ends[source]
        comes_first = source < task.task_id or not self.behaviour.rows_by_task_id
        early = 1 if comes_first else 0
        if ends.before and ends.before.wave + 1 - early <= ends.last:
            return End(ends.before.state, ends.before.wave - early)
        return End(ends[0].state, ends.last - (early if ends.by_scheduler else 0))

    def knows_length(self, task: Task, wave: int) -> bool:
        """Tell whether all that *task* and the groups around it are mapped over has ended before *wave*."""
        owners = (owner for owner, _ in self.structure.mappings_of(task))
        return all(
            self._see(name, task).wave < wave for owner in owners for name in self.structure.sources[owner]
        )

    # -- which rows above count -------------------------------------------------------------------

    def _tally_above(self, task: Task, index: Index, count: int | None, names: Iterable[str]) -> rules.Tally:
        """Tally the rows of the tasks *names* that one row of *task* waits for."""
        total = rules.Tally()
        for name in names:
            upstream, ends = self.structure[name], self.ends[name]
            link = self._link(task, index, count, upstream)
            if link is None:
                total.add(ends.counted, is_setup=upstream.is_setup)
                if ends.overwritten:
                    total.note_overwritten(ends.overwritten)
            elif index is None:  # it looks for index -1, which is gone once the task above is expanded
                total.last = max(total.last, ends.since - 1)
            else:
                indexes = link.upstream_indexes(index) or range(0)
                total.add(ends.counted_in(indexes), is_setup=upstream.is_setup)
        return total

    def _link(self, task: Task, index: Index, count: int | None, upstream: Task) -> Dependency | None:
        """Give how the rows of *upstream* are picked for one of *task*; None if all of them count."""
        rows = self.ends[upstream.task_id].count
        if rows is None or not count or self._is_eager(task, index):
            return None
        kind, ancestors = relate(self.structure, task, upstream, self.lengths)
        if kind == "all":
            return None
        here, above = (
            Nodes(task.task_id, count, task.task_id),
            Nodes(upstream.task_id, rows, upstream.task_id),
        )
        return Dependency(above, here, kind, ancestors)

    def _is_eager(self, task: Task, index: Index) -> bool:
        if task.trigger_rule not in self.behaviour.eager_rules:
            return False
        if index is not None and not self.behaviour.eager_when_expanded:
            return False
        return self.behaviour.eager_in_inner_groups or self.structure.is_directly_in_mapped_group(task)

    def _varying(self, task: Task, count: int) -> list[tuple[Ends, Dependency]]:
        """Give the upstreams of which one index of *task* may meet other ends than the next."""
        names = (*task.upstream, *self.structure.setups_above(task), *self.structure.scope_of(task))
        links = ((self.ends[name], self._link(task, 0, count, self.structure[name])) for name in names)
        return [(ends, link) for ends, link in links if link is not None and not ends.alike]

    # -- branches ---------------------------------------------------------------------------------

    def _look_up_skip(self, task: Task, index: Index, verdict: Verdict) -> Verdict:
        """Let the scheduler find what the branches above decided about one row."""
        found = self.skips.looked_up(task, index) if self.skips.concern(task) else None
        if found is None or found > verdict.wave:
            return verdict
        if found == verdict.wave and verdict.state == UPSTREAM_FAILED:
            self.disputed[task.task_id] = None
        return Verdict(SKIPPED, found)

    def _mark_skip(self, task: Task, index: Index, verdict: Verdict, since: int) -> Verdict:
        """Let the branches above mark one row themselves, if it is there by then: that counts, whatever was before."""
        marked = self.skips.marked(task, index) if self.skips.concern(task) else None
        if marked is None or marked < since:
            return verdict
        if marked == verdict.wave and verdict.state is None:
            self.raced[task.task_id] = None  # it starts while the branch runs
            return verdict
        overwrites = verdict.state is not None or self.behaviour.skip_overwrites
        if marked < verdict.wave:
            return Verdict(SKIPPED, marked, by_branch=True)
        before = End(verdict.state, verdict.wave) if verdict.state else None
        return Verdict(SKIPPED, marked, by_branch=True, before=before) if overwrites else verdict

    def _join(self, task: Task, verdict: Verdict, by_sources: Verdict) -> Verdict:
        """Let mapping sources have their say, which nobody waits for; note where it differs from what is decided."""
        if by_sources.state is None or by_sources.wave > verdict.wave:
            return verdict
        if by_sources.wave == verdict.wave and verdict.state not in (None, by_sources.state):
            self.disputed[task.task_id] = None
        return _stricter(verdict, by_sources)


def _stricter(first: Verdict, second: Verdict) -> Verdict:
    """Join two demands on one instance: the first decision wins, else it runs when both are met."""
    decided = [verdict for verdict in (first, second) if verdict.state]
    if not decided:
        return Verdict(None, max(first.wave, second.wave))
    earliest = min(verdict.wave for verdict in decided)
    states = [verdict.state for verdict in decided if verdict.wave == earliest]
    return Verdict(UPSTREAM_FAILED if BAD.intersection(states) else states[0], earliest)


def _sign(varying: list[tuple[Ends, Dependency]], index: int) -> Signature:
    return tuple(tuple(ends[above] for above in link.upstream_indexes(index) or ()) for ends, link in varying)
