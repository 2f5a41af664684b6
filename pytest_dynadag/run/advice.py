"""What to write instead of what a task made while it ran: the `expand` form, with the names and values at hand."""

# Pure. What is the same in all operators goes into `partial`, what differs is expanded over.

from __future__ import annotations

import inspect
import json
import re
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_dynadag.bridge.creations import Node
from pytest_dynadag.secrecy import hide_assigned, is_secret

CALLBACK = (
    "use it on the spot, {}(...).execute(context), or write it in the DAG itself, where a branch or a trigger rule "
    "such as `one_failed` decides"
)
_PLAIN = "write it in the DAG itself, behind {!r}; where it is not always wanted, let a branch decide"
_OVER_UPSTREAM = "write it once, in the DAG itself, and expand it over what {!r} returns"
_OVER_ITSELF = "let {!r} return {}, and write it once, in the DAG itself, expanded over that"
_EACH = "a list with what differs"
_NOTE = "\n    # work is a function of the file that does what those made in the task do"

_NOT_SHARED = {"task_id", "dag", "task_group", "default_args", "params", "start_date", "end_date"}
"""Arguments that stand elsewhere in a DAG file."""

_SUFFIX = re.compile(r"[\W_]+[^\W_]*$")
_short = reprlib.Repr()
_short.maxlist = _short.maxtuple = 3
_short.maxdict, _short.maxstring, _short.maxother = 20, 80, 80


@dataclass(frozen=True, slots=True)
class Output:
    """What a task returns: its id, how a DAG file refers to its output, and the value, as far as there is one."""

    task_id: str
    expression: str
    value: Any = None


def advise(nodes: Sequence[Node], running: Output, upstreams: Sequence[Output]) -> str:
    """
    Write out the `expand` form of what a task made.

    Args:
        nodes: The operators that one line made.
        running: The task that made them.
        upstreams: The tasks before it, with what they returned.
    """
    node = nodes[0]
    alike = [each for each in nodes if (each.kind, each.class_name) == (node.kind, node.class_name)]
    if node.kind == "mapped":
        one = isinstance(node.mapped, Mapping) and len(node.mapped) == 1
        name, values = next(iter(node.mapped.items())) if one else (None, node.mapped)
        shared = dict(node.arguments)
    else:
        calls = [_read_call(each) for each in alike]
        _unite_functions(calls)
        names = _find_varying(calls)
        shared = {each: value for each, value in calls[0].items() if each not in names}
        name = names[0] if len(names) == 1 else None
        values = [call.get(name) if name else {each: call.get(each) for each in names} for call in calls]
    named = {} if node.decorated else {"task_id": _name_alike([each.name for each in alike])}
    held = ", ".join(f"{each}={_write(value)}" for each, value in {**named, **shared}.items())
    note = _NOTE if shared.get("python_callable") is work else ""
    if node.kind != "mapped" and not names:
        return f"{_PLAIN.format(running.task_id)}:\n    {node.class_name}({hide_assigned(held)}){note}"
    how, source = _find_source(name, values, running, upstreams)
    form = f"expand({name}={source})" if name else f"expand_kwargs({source})"
    partial = f".partial({hide_assigned(held)})" if held else ""
    return f"{how}:\n    {node.class_name}{partial}.{form}{note}"


def work(*args: Any, **kwargs: Any) -> None:
    """Stand for a function of the DAG file, yet to be written, in place of those made in the task."""


def _read_call(node: Node) -> dict[str, Any]:
    """Return the arguments of an operator by name; of a decorated one, those of its function."""
    if not node.decorated:
        return {name: value for name, value in node.arguments.items() if name not in _NOT_SHARED}
    args, kwargs = node.arguments.get("op_args") or (), node.arguments.get("op_kwargs") or {}
    try:
        bound = inspect.signature(node.arguments["python_callable"]).bind_partial(*args, **kwargs)
    except (TypeError, ValueError):
        return dict(kwargs)
    return dict(bound.arguments)


def _unite_functions(calls: list[dict[str, Any]]) -> None:
    """Let `work` stand for functions that differ or are made in the task: no XCom holds what tells them apart."""
    functions = [call.get("python_callable") for call in calls]
    local = any("<" in getattr(function, "__qualname__", "") for function in functions)
    if local or len(set(map(repr, functions))) > 1:
        for call in calls:
            call.update(python_callable=work, op_kwargs=object())


def _find_varying(calls: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the arguments that differ; of a single call, the one that would."""
    names = dict.fromkeys(name for call in calls for name in call)
    if len(calls) > 1:
        return [name for name in names if len({repr(call.get(name)) for call in calls}) > 1]
    data = [name for name in names if not callable(calls[0][name])]
    return sorted(data, key=lambda name: name not in ("op_args", "op_kwargs"))[:1]


def _find_source(
    name: str | None, values: Any, running: Output, upstreams: Sequence[Output]
) -> tuple[str, str]:
    """Return what to do and what to expand over: an upstream's output if it is the values, else the task's own."""
    wanted = _to_json(values)
    for each in upstreams:
        if wanted == _to_json(each.value):
            return _OVER_UPSTREAM.format(each.task_id), each.expression
        if isinstance(each.value, list) and wanted == _to_json([[one] for one in each.value]):
            return _OVER_UPSTREAM.format(each.task_id), f"{each.expression}.map(lambda one: [one])"
    shown = _write(values) if wanted and isinstance(values, (list, tuple)) and not is_secret(name) else _EACH
    return _OVER_ITSELF.format(running.task_id, hide_assigned(shown)), running.expression


def _name_alike(names: Sequence[str]) -> str:
    """Return a task id for all of *names*: what they begin with, up to the last separator."""
    first, last = min(names), max(names)
    same = next(
        (n for n, letters in enumerate(zip(first, last, strict=False)) if len(set(letters)) > 1), None
    )
    return first if first == last else _SUFFIX.sub("", first[:same]) or "each"


def _to_json(value: Any) -> str | None:
    """Return what an XCom makes of a value; None where it holds none."""
    try:
        return json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return None


def _write(value: Any) -> str:
    """Write a value as Python, long lists and texts cut; of a function its name."""
    if callable(value):
        return str(getattr(value, "__name__", "..."))
    return _short.repr(value) if _to_json(value) else "..."
