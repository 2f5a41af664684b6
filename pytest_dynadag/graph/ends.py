"""How and when the instances of a task end: a state, and the wave of the run in which it came about."""

# A run goes in waves: the scheduler looks at what has ended, marks what can no longer run, starts what can, and all
# of that has ended before it looks again (`dag.test()`; DagRun.update_state, models/dagrun.py, 2.11.2 and 3.3.2).
# Waves matter where a rule decides early: of a skip and a failure above a task, the one that came first wins.

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

SUCCESS, SKIPPED, FAILED, UPSTREAM_FAILED = "success", "skipped", "failed", "upstream_failed"
UNKNOWN_STATE = "unknown"
BAD = frozenset([FAILED, UPSTREAM_FAILED])


class End(NamedTuple):
    """The end of one instance: its *state*, and the *wave* in which it came about; seen from the next one on."""

    state: str
    wave: int


class Verdict(NamedTuple):
    """
    What the scheduler makes of an instance: *state* (None: it runs), in the pass before *wave*.

    *by_branch* says that a branch marked it as skipped itself; *before* is the end that it had until then.
    """

    state: str | None
    wave: int
    by_branch: bool = False
    before: End | None = None

    @property
    def by_scheduler(self) -> bool:
        """Whether it is the scheduler that ends the instance."""
        return self.state is not None and not self.by_branch


@dataclass(frozen=True, eq=False)
class Ends:
    """
    The ends of all rows of one task.

    *count* is the number of indexed rows, None for a single row without an index (a plain task, or a mapped one that
    was never expanded). *ends* has one entry per row, or one that stands for all; *since* is the pass in which
    the task was expanded, 0 if that was before the run began; *by_scheduler* says that the scheduler itself ended
    it. *before* is the end that the scheduler had given a single row until a branch marked it as skipped.
    """

    count: int | None
    ends: tuple[End, ...]
    since: int = 0
    by_scheduler: bool = False
    before: End | None = None

    @property
    def alike(self) -> bool:
        """Whether all rows ended in the same way."""
        return len(self.ends) == 1

    def __getitem__(self, index: int) -> End:
        return self.ends[0] if self.alike else self.ends[index]

    @cached_property
    def counted(self) -> Mapping[End, int]:
        """How many rows ended in which way."""
        return {self.ends[0]: self.count or 1} if self.alike else Counter(self.ends)

    def counted_in(self, indexes: range) -> Mapping[End, int]:
        """Count the ends of some rows."""
        return {self.ends[0]: len(indexes)} if self.alike else Counter(self.ends[index] for index in indexes)

    @property
    def overwritten(self) -> End | None:
        """The earlier end of a single row, if the tasks below had time to see it."""
        return self.before if self.before and self.before.wave < self.ends[0].wave else None

    @cached_property
    def last(self) -> int:
        """The wave in which the last row ended."""
        return max(end.wave for end in self.ends)


def compress(ends: list[End]) -> tuple[End, ...]:
    """Let one entry stand for all where they are alike."""
    return tuple(ends[:1]) if ends.count(ends[0]) == len(ends) else tuple(ends)
