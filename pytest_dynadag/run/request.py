"""What a run is asked for."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Literal

from pytest_dynadag.errors import ArgumentError, UnknownNameError
from pytest_dynadag.graph.given import Given

Order = Literal["reverse"] | int | None
"""How the instances of a wave are ordered: by task id and index (None), the other way round, or by a seed."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """
    What a run is asked for.

    Attributes:
        given: Outputs of tasks that are not executed, params and conf.
        at: The logical date, at which the clock stands still as well; a date without zone is UTC. None: now.
        order: In which order the ready instances of a wave are executed.
        variables, connections, env: What Airflow and the tasks see, as in `bridge.metadata`.
        siblings: Further DAG objects that the run may trigger: those of the same file.
        one_by_one: Whether trigger rules are looked at after every single instance, as a real scheduler does, and
            not only when a whole wave is done.
        quiet: Whether what Airflow says is kept back; what a task prints is in the observation's logs.
    """

    given: Given = field(default_factory=Given)
    at: datetime | None = None
    order: Order = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    connections: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, str | None] = field(default_factory=dict)
    siblings: Sequence[Any] = ()
    one_by_one: bool = False
    quiet: bool = True

    def __post_init__(self) -> None:
        """Refuse an order that cannot be meant; raises `ArgumentError`, or `UnknownNameError` for a slip."""
        if isinstance(self.order, str) and self.order != "reverse":
            raise UnknownNameError("order", self.order, ["reverse"], where="run(order=...)")
        if isinstance(self.order, bool) or not isinstance(self.order, (str, int, type(None))):
            raise ArgumentError(
                "order", self.order, "None, 'reverse', or a whole number that seeds another order"
            )

    @property
    def moment(self) -> datetime | None:
        """The logical date, with a time zone."""
        if self.at is None or self.at.tzinfo is not None:
            return self.at
        return self.at.replace(tzinfo=timezone.utc)

    @property
    def conf(self) -> dict[str, Any]:
        """What the run is triggered with; Airflow takes params from there as well."""
        return {**self.given.params, **self.given.conf}

    def sort(self, keys: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
        """Choose which instances of a wave, by task id and map index, are executed next, and in which order."""
        ordered = sorted(keys)
        if self.order == "reverse":
            ordered.reverse()
        elif self.order is not None:
            random.Random(self.order).shuffle(ordered)  # noqa: S311 - an order, no secret
        return ordered[:1] if self.one_by_one else ordered
