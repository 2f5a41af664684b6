"""The states of task instances, and the rows that a run has for one task."""

# Airflow holds a row for each instance; of a mapped task that is not expanded yet there is one row, its placeholder. Rows
# that are alike are kept as one entry here, so that a hundred thousand of them cost as much as one.

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

SUCCESS, SKIPPED, FAILED, UPSTREAM_FAILED = "success", "skipped", "failed", "upstream_failed"
SCHEDULED, RUNNING = "scheduled", "running"
UNKNOWN_STATE = "unknown"
BAD = frozenset([FAILED, UPSTREAM_FAILED])
FINISHED = frozenset([SUCCESS, SKIPPED, FAILED, UPSTREAM_FAILED, UNKNOWN_STATE])

Index = int | None
"""The map index of a row; None for a row without one."""
State = str | None
"""The state of a row; None as long as the scheduler has not decided about it."""


class Rows:
    """
    The rows of one task.

    *count* is the number of indexed rows, None for a single row without an index. *seen* counts the rows that had
    ended when the present pass of the scheduler began, by state.
    """

    __slots__ = ("_changed", "_live", "_seen", "count", "seen")

    def __init__(self, count: int | None = None) -> None:
        self.count = count
        self._live: list[State] = [None]  # one entry stands for all
        self._seen: list[State] = [None]
        self._changed: list[int] | None = []  # None: all
        self.seen: Counter[str] = Counter()

    def __len__(self) -> int:
        return 1 if self.count is None else self.count

    def __iter__(self) -> Iterator[State]:
        return iter(self._live if len(self._live) == len(self) else self._live * len(self))

    def __getitem__(self, index: Index) -> State:
        return self._live[0] if len(self._live) == 1 else self._live[index or 0]

    @property
    def states(self) -> Sequence[State]:
        """The states by index; one entry stands for all where they are alike."""
        return self._live

    @property
    def are_finished(self) -> bool:
        """Whether every row has ended."""
        return all(state in FINISHED for state in self._live)

    @property
    def were_alike(self) -> bool:
        """Whether all rows had the same state when the pass began."""
        return len(self._seen) == 1

    def seen_at(self, index: int) -> State:
        """Return the state that a row had ended in when the pass began; None where it had not."""
        state = self._seen[0] if self.were_alike else self._seen[index]
        return state if state in FINISHED else None

    def set(self, index: Index, state: State) -> None:
        """Set the state of one row."""
        if len(self._live) < len(self):
            self._live = self._live * len(self)
        self._live[index or 0] = state
        if self._changed is not None:
            self._changed.append(index or 0)

    def set_all(self, states: Sequence[State]) -> None:
        """Set the state of every row; one entry stands for all."""
        alike = len(states) > 1 and states.count(states[0]) == len(states)
        self._live = list(states[:1] if alike else states)
        self._changed = None

    def expand(self, count: int, state: State = None) -> None:
        """Replace the placeholder by *count* indexed rows."""
        self.count = count
        self.set_all([state])

    def indexes_in(self, state: State) -> Sequence[int]:
        """Return the positions of the rows in *state*."""
        if len(self._live) == 1:
            return range(len(self)) if self._live[0] == state else ()
        return [index for index, found in enumerate(self._live) if found == state]

    def catch_up(self) -> None:
        """Let *seen* be what the rows are now: a pass begins."""
        changed, self._changed = self._changed, []
        if changed is None or len(self._seen) != len(self._live):
            self._seen = list(self._live)
            number = len(self) if len(self._seen) == 1 else 1
            self.seen = Counter(state for state in self._seen if state in FINISHED)
            for state in self.seen if number > 1 else ():
                self.seen[state] = number
            return
        for index in changed:
            before, now = self._seen[index], self._live[index]
            if before in FINISHED:
                self.seen[before] -= 1
            if now in FINISHED:
                self.seen[now] += 1
            self._seen[index] = now
