"""What a run did, as plain frozen data; every engine gives the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from pytest_dynadag.errors import UnknownNameError
from pytest_dynadag.graph.given import RETURN_VALUE, format_key, parse_key
from pytest_dynadag.location import Location
from pytest_dynadag.named import Named
from pytest_dynadag.secrecy import hide, match_any

Key = tuple[str, int]
"""A task id and a map index; -1 is an instance that is not mapped, or was never expanded."""


@dataclass(frozen=True, slots=True)
class ObservedInstance:
    """A task instance at the end of a run; *label* is its rendered `map_index_template`."""

    task_id: str
    index: int
    state: str
    label: str | None = None
    try_number: int = 0

    @property
    def key(self) -> str:
        """Its key, as in `load[2]`, or `load` where it has no index."""
        return format_key(self.task_id, self.index)


@dataclass(frozen=True, slots=True)
class ObservedError:
    """
    The exception that failed an instance, the line of the DAG file it came through, if any, and what to do about it.

    *remedy* is empty unless what is missing can be given.
    """

    type: str
    message: str
    location: Location | None = None
    remedy: str = ""

    def __str__(self) -> str:
        where = f"{self.location}: " if self.location else ""
        what_next = f"\n  next: {self.remedy}" if self.remedy else ""
        return f"{where}{self.type}: {self.message}{what_next}"


@dataclass(frozen=True, slots=True, repr=False)
class Observation:
    """
    What a run did.

    Attributes:
        dag_id, run_id: Which run.
        state: Its final state.
        logical_date: The date it ran for.
        instances: Its task instances, by task id and index.
        xcoms: (task id, index, key) to value, deserialised.
        errors: (task id, index) to what failed it.
        inputs: (task id, index) to what `expand` gave it, by argument name; in a mapped group by the group's.
            An instance that was never executed has none.
        log_texts: (task id, index) to what it printed and logged.
        seconds: How long the run took.
        secrets: What was given to the run and nobody may read: hidden in errors and logs.
    """

    dag_id: str
    run_id: str
    state: str
    logical_date: datetime | None
    instances: tuple[ObservedInstance, ...]
    xcoms: Mapping[tuple[str, int, str], Any] = field(default_factory=dict)
    errors: Mapping[Key, ObservedError] = field(default_factory=dict)
    inputs: Mapping[Key, Mapping[str, Any]] = field(default_factory=dict)
    log_texts: Mapping[Key, str] = field(default_factory=dict)
    seconds: float = 0.0
    secrets: frozenset[str] = frozenset()

    def hide(self, secrets: frozenset[str]) -> Observation:
        """Give the observation with *secrets*, and what is hidden everywhere, hidden in its errors and logs."""
        known = match_any(secrets)
        errors = {key: replace(e, message=hide(e.message, known)) for key, e in self.errors.items()}
        texts = {key: hide(text, known) for key, text in self.log_texts.items()}
        return replace(self, errors=errors, log_texts=texts, secrets=secrets)

    def __repr__(self) -> str:
        counted = Counter(instance.state for instance in self.instances)
        states = ", ".join(f"{number} {state}" for state, number in sorted(counted.items()))
        return f"<Observation of {self.dag_id!r}: {self.state}, {len(self.instances)} instances ({states})>"

    @property
    def states(self) -> dict[str, str]:
        """Instance key to state."""
        return {instance.key: instance.state for instance in self.instances}

    @property
    def labels(self) -> dict[str, str]:
        """Instance key to label, for those that have one."""
        return {instance.key: instance.label for instance in self.instances if instance.label is not None}

    @property
    def returned(self) -> dict[str, Any]:
        """Instance key to return value, for those that pushed one."""
        found = [(key, self.xcoms[key]) for key in sorted(self.xcoms) if key[2] == RETURN_VALUE]
        returned = {format_key(task_id, index): value for (task_id, index, _), value in found}
        return Named(returned, what="return value of", where=f"the run of {self.dag_id!r}")

    def logs(self, key: str) -> str:
        """Give what an instance printed and logged; empty where it was not executed."""
        __tracebackhide__ = True
        if key not in self.states:
            raise UnknownNameError("instance", key, self.states, where=f"the run of {self.dag_id!r}")
        task_id, index = parse_key(key)
        return self.log_texts.get((task_id, -1 if index is None else index), "")
