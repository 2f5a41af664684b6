"""What Airflow 3's task runner does for each instance and no task can see, done once for a run or not at all."""


# Source: sdk/execution_time/task_runner.py, sdk/definitions/param.py and sdk/bases/decorator.py, 3.0.6 to 3.4.0b2.

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache, lru_cache, wraps
from types import SimpleNamespace
from typing import Any

from pytest_dynadag.bridge.patching import replaced

Make = Callable[[Any], Any]

_HEARING = ("on_task_instance_running", "on_task_instance_success", "on_task_instance_failed")
_HOOKS = (*_HEARING, "on_task_instance_skipped", "before_stopping")
_PLAIN = (str, int, float, bool, type(None))


@contextmanager
def lean() -> Iterator[None]:
    """Ask for options, the host's name and signatures once; leave out metrics, listeners without hooks, rendered fields."""
    from airflow.sdk.bases import decorator
    from airflow.sdk.execution_time import task_runner

    conf = _RememberedOptions(task_runner.conf)
    replacements: list[tuple[Any, str, Make]] = [
        (task_runner, "TypeAdapter", cache),
        (task_runner, "conf", lambda original: conf),
        (sys.modules.get("airflow.sdk.configuration"), "conf", lambda original: conf),
        (task_runner, "_serialize_rendered_fields", _serialize_what_could_fail),
        (task_runner, "get_hostname", _answer_once),
        (task_runner, "stats", lambda original: _NoMetrics()),
        (task_runner, "Stats", lambda original: _NoMetrics()),
        (task_runner, "get_listener_manager", _leave_out_hooks),
        (task_runner, "process_params", _process_given_params),
        (decorator, "inspect", lambda original: _Inspect()),
    ]
    with ExitStack() as stack:
        for owner, name, make in replacements:
            if hasattr(owner, name):  # some are later than 3.0, and only speed depends on them
                stack.enter_context(replaced(owner, name, make(getattr(owner, name))))
        yield


class _RememberedOptions:
    """Airflow's configuration; an answer is good for as long as its environment variable stays as it is."""

    def __init__(self, conf: Any) -> None:
        self._conf = conf
        self._known: dict[Any, tuple[bytes | None, Any]] = {}
        self._variables: dict[bytes, bytes] = vars(os.environ)["_data"]

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._conf, name)
        return (
            self._remembering(name, found) if name in ("get", "getint", "getboolean", "getimport") else found
        )

    def _remembering(self, name: str, ask: Any) -> Any:
        def remember(section: str, key: str, **options: Any) -> Any:
            """Return an option, asked for once as long as its environment variable is the same."""
            at = name, section, key, *sorted(options.items())
            now = self._variables.get(f"AIRFLOW__{section.upper()}__{key.upper()}".encode())
            known = self._known.get(at)
            if known is None or known[0] != now:
                known = self._known[at] = now, ask(section, key, **options)
            return known[1]

        vars(self)[name] = remember
        return remember


def _serialize_what_could_fail(original: Any) -> Any:
    """Serialize rendered fields, which the UI shows, only where that may raise: it fails the instance."""

    @wraps(original)
    def serialize(task: Any) -> Any:
        nested = any("." in path for path in getattr(task, "template_fields_renderers", None) or ())
        if nested or not all(_is_plain(getattr(task, field, None)) for field in task.template_fields):
            return original(task)
        return {}

    return serialize


def _is_plain(value: Any, depth: int = 20) -> bool:
    kind = type(value)
    if kind in _PLAIN:
        return True
    if not depth:
        return False
    if kind is list or kind is tuple:
        return all(_is_plain(each, depth - 1) for each in value)
    return kind is dict and all(type(k) is str and _is_plain(v, depth - 1) for k, v in value.items())


def _answer_once(original: Any) -> Any:
    name = original()
    return lambda: name


class _NoMetrics:
    """Stands in for the metrics: nothing receives them."""

    def __getattr__(self, name: str) -> Any:
        return _do_nothing


def _do_nothing(*args: Any, **kwargs: Any) -> None:
    """Stand in for a hook or a metric."""


def _leave_out_hooks(original: Any) -> Any:
    """Call no hooks where no plugin implements one."""
    hook = original().hook
    if any(getattr(hook, name).get_hookimpls() for name in _HOOKS if hasattr(hook, name)):
        return original
    nothing = SimpleNamespace(hook=SimpleNamespace(**dict.fromkeys(_HOOKS, _do_nothing)))
    return lambda: nothing


def _process_given_params(original: Any) -> Any:
    """Process params only where there are some."""

    @wraps(original)
    def process(dag: Any, task: Any, conf: Any, *, suppress_exception: bool) -> Any:
        if not conf and not task.params and dag is not None and not dag.params:
            return {}
        return original(dag, task, conf, suppress_exception=suppress_exception)

    return process


class _Inspect:
    """The module `inspect`, which remembers the signatures of functions."""

    signature = staticmethod(lru_cache(1000)(inspect.signature))

    def __getattr__(self, name: str) -> Any:
        return getattr(inspect, name)
