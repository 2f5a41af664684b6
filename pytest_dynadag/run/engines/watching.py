"""Listening to the worker: inputs, errors and output of each instance, and the given in place of its work."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from traceback import walk_tb
from typing import Any

from pytest_dynadag.bridge.lines import LIBRARIES
from pytest_dynadag.bridge.protocol import Bridge, Key
from pytest_dynadag.bridge.running import key_of
from pytest_dynadag.location import Location
from pytest_dynadag.run.engines.arming import GivenTasks
from pytest_dynadag.run.engines.capture import Capture, Sink
from pytest_dynadag.run.missing import advise_missing
from pytest_dynadag.run.observation import ObservedError


class RunWatcher:
    """The `Watcher` of one run; what it has noted is read when the run is over."""

    def __init__(self, airflow: Bridge, dag: Any, given: GivenTasks) -> None:
        self.airflow, self.dag, self.given = airflow, dag, given
        self.inputs: dict[Key, dict[str, Any]] = {}
        self.errors: dict[Key, ObservedError] = {}
        self.sinks: dict[Key, Sink] = {}
        self.capture = Capture()

    def around(self, key: Key) -> contextlib.AbstractContextManager[None]:
        """Capture what an instance prints and logs; a further try adds to it."""
        return self.capture.writing(self.sinks.setdefault(key, Sink()))

    def render(self, ti: Any, context: Any, render: Callable[[], Any]) -> Any:
        """Render as Airflow does; a given task is not rendered but armed."""
        key = key_of(ti)
        if not self.given.covers(key):
            original = render()
            self.complete_inputs(key, context)
            return original
        original = ti.task
        if self.airflow.is_mapped(original):
            self.airflow.unmap(ti, context)
        self.complete_inputs(key, context)
        self.given.arm(ti, context, key, self.inputs.get(key, {}))
        return original

    def complete_inputs(self, key: Key, context: Any) -> None:
        """Ask for what a task of a mapped group gets, where it has not used it itself."""
        expand_input = self.expand_input_of(key[0])
        if expand_input is None or key[1] < 0 or key in self.inputs:
            return
        # Only to look: what goes wrong here is not the run's.
        with contextlib.suppress(Exception):
            self.airflow.resolve(expand_input, context)

    def resolved(self, expand_input: Any, context: Any, values: Mapping[str, Any]) -> None:
        """Note what an instance gets, unless it comes from another group's expand input."""
        key = key_of(context["ti"])
        if key in self.inputs or key[0] not in self.dag.task_dict:
            return
        if self.expand_input_of(key[0]) is expand_input:
            read = partial(self.airflow.read_reference, context=context)
            self.inputs[key] = {name: plain(value, read) for name, value in values.items()}

    def expand_input_of(self, task_id: str) -> Any:
        """Give what expands a task: its own input, its closest mapped group's, or None."""
        task = self.dag.task_dict[task_id]
        if self.airflow.is_mapped(task):
            return task._get_specified_expand_input()  # noqa: SLF001 - alike in both families
        group = task.get_closest_mapped_task_group()
        return None if group is None else group._expand_input  # noqa: SLF001 - alike in both families

    def failed(self, key: Key, error: BaseException) -> None:
        """Note the exception of a failed try; the last one stays."""
        where = locate(error, self.dag.fileloc)
        text = describe_error(error)
        self.errors[key] = ObservedError(type(error).__name__, text, where, advise_missing(text))


def describe_error(error: BaseException) -> str:
    """Give an exception's text, and what the execution API said where it is a refusal (`sdk/api/client.py`, 3.3)."""
    detail = getattr(error, "detail", None) if type(error).__name__ == "ServerResponseError" else None
    if isinstance(detail, dict):
        detail = detail.get("detail", detail)
    if isinstance(detail, dict):
        detail = detail.get("message", detail)
    return f"{error}: {detail}" if detail else str(error)


def plain(value: Any, read: Callable[[Any], Any]) -> Any:
    """
    Copy a value's containers, and turn Airflow's lazy sequences of XComs into lists.

    *read* replaces a reference to a task's output, as it may stand inside a literal, and leaves the rest.
    """
    value = read(value)
    if isinstance(value, dict):
        return {key: plain(entry, read) for key, entry in value.items()}
    if isinstance(value, tuple):
        return value if hasattr(value, "_fields") else tuple(plain(entry, read) for entry in value)
    lazy = isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray, range, memoryview))
    return [plain(entry, read) for entry in value] if lazy else value


def locate(error: BaseException, file: str) -> Location | None:
    """
    Give the line of *file* that an exception came through last.

    Where it came through none, the last line that is neither the standard library's, nor an installed
    package's, nor ours.
    """
    lines = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
    own = [place for place in lines if place[0] == file]
    others = [place for place in lines if not place[0].startswith(("<", *LIBRARIES))]
    places = own or others
    return Location(*places[-1]) if places else None
