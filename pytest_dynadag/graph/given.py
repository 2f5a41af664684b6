"""The given: the metadata that a test supplies in place of what a run would have produced."""

# Pure data. Checking it against a structure is here too, so that plan and run refuse the same slips.

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_dynadag.errors import ArgumentError, DynadagError, UnknownNameError, require

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


class GivenFunctionError(DynadagError):
    """A given function that raised *error* for the instance *key* of *task_id*; *names* are those of its inputs."""

    def __init__(self, task_id: str, key: str, error: Exception, names: tuple[str, ...]) -> None:
        self.task_id, self.key, self.error, self.names = task_id, key, error, names
        super().__init__(
            f"given[{task_id!r}]: the function raised {type(error).__name__}: {error} for {key}\n"
            f"  next: let it take the inputs of every instance: a dict with {', '.join(names) or 'nothing in it'}"
        )


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

        Raises:
            ArgumentError: Something that is no mapping, or a key that names no task.
            UnknownNameError: A state that cannot be given.
        """
        for name, value in {"given": given, "states": states, "params": params, "conf": conf}.items():
            if value is not None:
                require(name, value, Mapping, _WANTED[name], next_step=f"pass {name}={_EXAMPLES[name]}")
        outputs: dict[str, Any] = {}
        keyed: dict[tuple[str, str], Any] = {}
        for key, value in (given or {}).items():
            task_id, xcom_key = _split(key)
            if xcom_key == RETURN_VALUE:
                outputs[task_id] = _plain(value)
            else:
                keyed[task_id, xcom_key] = value
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
            return _plain(_call(task_id, key, value, inputs))
        return value[index] if index < len(value) else MISSING

    @property
    def task_ids(self) -> tuple[str, ...]:
        """The tasks that the given says something about, each once."""
        named = [parse_key(key)[0] for key in self.outputs]
        return tuple(dict.fromkeys([*named, *(task_id for task_id, _ in self.keyed)]))


STATES: dict[str, Callable[[], Any]] = {"skipped": Skipped, "failed": Failed, "success": lambda: MISSING}
"""The states that can be given, and what they are given as."""

_WANTED = {
    "given": "a mapping of task ids to outputs",
    "states": "a mapping of task ids or instance keys to states",
    "params": "a mapping of names to values",
    "conf": "a mapping of names to values",
}
_EXAMPLES = {
    "given": "{'list_regions': ['eu', 'us']}",
    "states": "{'load[0]': 'failed'}",
    "params": "{'day': '2024-05-01'}",
    "conf": "{'day': '2024-05-01'}",
}


def _split(key: Any) -> tuple[str, str]:
    """Give the task id and the XCom key that a key of the given names."""
    task_id, xcom_key = key if isinstance(key, tuple) and len(key) == 2 else (key, RETURN_VALUE)
    if not isinstance(task_id, str) or not isinstance(xcom_key, str):
        raise ArgumentError("a key of given", key, "a task id, or (task id, XCom key)")
    return task_id, xcom_key


def _call(
    task_id: str, key: str, function: Callable[[dict[str, Any]], Any], inputs: Mapping[str, Any]
) -> Any:
    try:
        return function(dict(inputs))
    except Exception as error:
        raise GivenFunctionError(task_id, key, error, tuple(inputs)) from error


def _plain(value: Any) -> Any:
    """Turn the bare class `Skipped` or `Failed` into an instance, also inside a list per index."""
    if value is Skipped or value is Failed:
        return value()
    if isinstance(value, list) and any(entry is Skipped or entry is Failed for entry in value):
        return [_plain(entry) for entry in value]
    return value


def _from_states(states: Mapping[str, Any]) -> dict[str, Any]:
    found = {key: _read_state(key, state) for key, state in states.items()}
    return {key: value for key, value in found.items() if value is not MISSING}


def _read_state(key: str, state: Any) -> Any:
    require("a key of states", key, str, "a task id or an instance key")
    if isinstance(state := _plain(state), (Skipped, Failed)):
        return state
    one = f"pass states={{{format_key(parse_key(key)[0], 0)!r}: 'failed'}} for one instance"
    require(f"states[{key!r}]", state, str, "a state, the same for every instance", next_step=one)
    if state not in STATES:
        raise UnknownNameError("state", str(state), STATES, where=f"states[{key!r}]")
    return STATES[state]()
