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
    """Write out the `expand` form of what one line of *running* made; *upstreams* are the tasks before it."""
    node, values = nodes[0], nodes[0].mapped
    alike = [each for each in nodes if (each.kind, each.class_name) == (node.kind, node.class_name)]
    if node.kind == "mapped":
        names, shared = list(values) if isinstance(values, Mapping) else [], dict(node.arguments)
        values = values[names[0]] if len(names) == 1 else values
    else:
        calls = _unite_functions([_read_call(each) for each in alike])
        every = dict.fromkeys(name for call in calls for name in call)
        names = [name for name in every if len({repr(call.get(name)) for call in calls}) > 1]
        shared = {name: value for name, value in calls[0].items() if name not in names}
        values = [
            call.get(names[0]) if len(names) == 1 else {n: call.get(n) for n in names} for call in calls
        ]
    named = {} if node.decorated else {"task_id": _name_alike([each.name for each in alike])}
    held = hide_assigned(", ".join(f"{name}={_write(value)}" for name, value in {**named, **shared}.items()))
    if node.kind != "mapped" and not names:
        how, form = _PLAIN.format(running.task_id), f"({held})"
    else:
        name = names[0] if len(names) == 1 else None
        how, source = _find_source(name, values, running, upstreams)
        partial = f".partial({held})" if held else ""
        form = f"{partial}.expand({name}={source})" if name else f"{partial}.expand_kwargs({source})"
    return f"{how}:\n    {node.class_name}{form}{_NOTE if shared.get('python_callable') is work else ''}"


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


def _unite_functions(calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Let `work` stand for functions that differ or are made in the task: no XCom holds what tells them apart."""
    functions = {repr(function): function for call in calls if (function := call.get("python_callable"))}
    local = any("<" in getattr(function, "__qualname__", "") for function in functions.values())
    if local or len(functions) > 1:
        return [{**call, "python_callable": work, "op_kwargs": object()} for call in calls]
    return calls


def _find_source(
    name: str | None, values: Any, running: Output, upstreams: Sequence[Output]
) -> tuple[str, str]:
    """Return what to do and what to expand over: an upstream's output if it is the values, else the task's own."""
    wanted = _to_json(values)
    for each in upstreams if wanted else ():
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
