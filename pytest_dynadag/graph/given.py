"""The given: the metadata that a test supplies in place of what a run would have produced."""

# Pure data. Checking it against a structure is here too, so that plan and run refuse the same slips.

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

RETURN_VALUE = "return_value"
_INSTANCE_KEY = re.compile(r"(?P<task>.+)\[(?P<index>\d+)\]")


@dataclass(frozen=True, slots=True)
class Skipped:
    """Given in place of an output: the task (or that index of it) is skipped."""

    why: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """Given in place of an output: the task (or that index of it) fails, with *why* as its error."""

    why: str = ""


def parse_key(key: str) -> tuple[str, int | None]:
    """Split an instance key such as `load[2]` into task id and index; a plain task id has no index."""
    match = _INSTANCE_KEY.fullmatch(key)
    return (match["task"], int(match["index"])) if match else (key, None)


def format_key(task_id: str, index: int | None) -> str:
    """Write an instance key: `load[2]`, or `load` where *index* is None or negative."""
    return task_id if index is None or index < 0 else f"{task_id}[{index}]"


class _Missing:
    """Nothing was given."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()


@dataclass(frozen=True, slots=True)
class Given:
    """
    What a run would know, by task.

    Attributes:
        outputs: Task id to its return value; for a mapped task, or a task in a mapped group, a list with
            one entry per index, or a callable that takes the inputs of an instance as a dict and gives its
            output. `Skipped` or `Failed` may stand in place of an output or of one entry.
        keyed: (task id, XCom key) to value, for keys other than the return value.
        params, conf: What the run is triggered with.
        max_map_length: Airflow's `[core] max_map_length`: the longest single output to map over.
    """

    outputs: Mapping[str, Any] = field(default_factory=dict)
    keyed: Mapping[tuple[str, str], Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    conf: Mapping[str, Any] = field(default_factory=dict)
    max_map_length: int = 1024

    def __repr__(self) -> str:
        return f"<Given: {len(self.outputs)} outputs, {len(self.keyed)} other XComs>"

    @classmethod
    def of(
        cls,
        given: Mapping[Any, Any] | None = None,
        states: Mapping[str, str] | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        conf: Mapping[str, Any] | None = None,
        max_map_length: int = 1024,
    ) -> Given:
        """
        Gather what a test wrote: *given* by task id or (task id, XCom key), *states* by task id or instance key.

        A state of `skipped` or `failed` is the same as giving `Skipped` or `Failed`; `success` says that the
        task succeeds without saying with what.
        """
        outputs: dict[str, Any] = {}
        keyed: dict[tuple[str, str], Any] = {}
        for key, value in (given or {}).items():
            if isinstance(key, tuple):
                task_id, xcom_key = key
                if xcom_key == RETURN_VALUE:
                    outputs[task_id] = _plain(value)
                else:
                    keyed[task_id, xcom_key] = value
            else:
                outputs[key] = _plain(value)
        outputs.update(_from_states(states or {}))
        return cls(outputs, keyed, dict(params or {}), dict(conf or {}), max_map_length)

    def output_of(self, task_id: str, index: int | None, inputs: Mapping[str, Any]) -> Any:
        """
        Give what stands in the given for one instance: an output, `Skipped`, `Failed`, or MISSING.

        Args:
            task_id: The task.
            index: Its map index, None for a task without one.
            inputs: What the instance gets; handed to a given that is a callable.
        """
        key = format_key(task_id, index)
        value = self.outputs.get(key, self.outputs.get(task_id, MISSING))
        if index is None or key in self.outputs or isinstance(value, (Skipped, Failed)) or value is MISSING:
            return value
        if callable(value):
            return _plain(value(dict(inputs)))
        return value[index] if index < len(value) else MISSING

    @property
    def task_ids(self) -> tuple[str, ...]:
        """The tasks that the given says something about, each once."""
        named = [parse_key(key)[0] for key in self.outputs]
        return tuple(dict.fromkeys([*named, *(task_id for task_id, _ in self.keyed)]))


STATES: dict[str, Callable[[], Any]] = {"skipped": Skipped, "failed": Failed}
"""The states that can be given, and what they are given as."""


def _plain(value: Any) -> Any:
    """Turn the bare class `Skipped` or `Failed` into an instance, also inside a list per index."""
    if value is Skipped or value is Failed:
        return value()
    if isinstance(value, list) and any(entry is Skipped or entry is Failed for entry in value):
        return [_plain(entry) for entry in value]
    return value


def _from_states(states: Mapping[str, str]) -> dict[str, Any]:
    return {key: STATES[state]() for key, state in states.items() if state in STATES}
