"""The `expand` form of what a task tried to make while it ran, written out for that very code."""

# Pure: composed from the arguments that were seen. What is the same in all of them is held by `partial`, what differs
# is what the tasks have to be expanded over: an upstream's output where it is exactly that, else what the running
# task should return.

from __future__ import annotations

import functools
import inspect
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from pytest_dynadag.bridge.creations import Node
from pytest_dynadag.secrecy import is_secret

_NOT_SHARED = frozenset({"task_id", "dag", "task_group", "default_args", "params", "start_date", "end_date"})
"""Arguments that stand elsewhere in a DAG file."""

_ARGUMENTS_FIRST = ("op_args", "op_kwargs")
_SHOWN = 3
_WORK = "work"


@dataclass(frozen=True, slots=True)
class Output:
    """What a task returns: its id, how a DAG file refers to its output, and the value, as far as there is one."""

    task_id: str
    expression: str
    value: Any = None


@dataclass(frozen=True, slots=True)
class Advice:
    """
    What to write instead.

    Attributes:
        code: One line for the DAG file, outside of any task.
        source: The task whose output is expanded, or None where nothing differs.
        returns: What that task should return, as text; None where it does already.
        note: What the code assumes.
    """

    code: str
    source: str | None = None
    returns: str | None = None
    note: str = ""

    def tell(self, running: str) -> str:
        """Compose the text of a remedy."""
        if self.source is None:
            how = f"write it in the DAG itself, behind {running!r}; where it is not always wanted, let a branch decide"
        elif self.returns is None:
            how = f"write it once, in the DAG itself, and expand it over what {self.source!r} returns"
        else:
            how = (
                f"let {self.source!r} return {self.returns}, and write it once, in the DAG itself, "
                "expanded over that"
            )
        return f"{how}:\n    {self.code}{self.note}"


def advise(nodes: Sequence[Node], running: Output, upstreams: Sequence[Output]) -> Advice:
    """
    Write out the `expand` form of what a task made.

    Args:
        nodes: The operators that one line made.
        running: The task that made them.
        upstreams: The tasks before it, with what they returned.
    """
    first = nodes[0]
    if first.kind == "mapped":
        return _advise_mapped(first, running, upstreams)
    alike = [node for node in nodes if (node.kind, node.class_name) == (first.kind, first.class_name)]
    variants = [_read_call(node) if first.decorated else _read_constructor(node) for node in alike]
    note = "" if first.decorated else _unite_functions(variants)
    varying = _find_varying(variants)
    shared = {name: value for name, value in variants[0].items() if name not in varying}
    call = _Call(first, _name_alike([node.name for node in alike]), shared)
    if not varying:
        return Advice(call.plain(), note=note)
    one = len(varying) == 1
    values = [
        variant.get(varying[0]) if one else {n: variant.get(n) for n in varying} for variant in variants
    ]
    source = _find_source(values, running, upstreams)
    name = varying[0] if one else None
    return Advice(call.expanded(name, source.expression), *_say(source, name, values, running), note)


def _advise_mapped(node: Node, running: Output, upstreams: Sequence[Output]) -> Advice:
    call = _Call(
        node,
        node.name,
        {name: value for name, value in node.arguments.items() if value not in (None, [], {})},
    )
    named = isinstance(node.mapped, Mapping)
    if named and len(node.mapped) > 1:
        return Advice(
            call.expanded_over(dict.fromkeys(node.mapped, "...")), running.task_id, "each of the lists"
        )
    name = next(iter(node.mapped)) if named else None
    values = node.mapped[name] if named else node.mapped
    if not isinstance(values, (list, tuple)):
        return Advice(call.expanded(name, "..."), running.task_id, "what to expand over")
    source = _find_source(list(values), running, upstreams)
    return Advice(call.expanded(name, source.expression), *_say(source, name, list(values), running))


def _say(source: Output, name: str | None, values: list[Any], running: Output) -> tuple[str, str | None]:
    """Name the task that is expanded over, and what it should return if it is the running one."""
    if source.task_id != running.task_id:
        return source.task_id, None
    return source.task_id, "[...]" if is_secret(name) else write_value(values)


@dataclass(frozen=True, slots=True)
class _Call:
    """The making of an operator, as text: of which kind, under which id, with which arguments in common."""

    node: Node
    task_id: str
    shared: Mapping[str, Any]

    @property
    def arguments(self) -> str:
        named = {} if self.node.decorated else {"task_id": self.task_id}
        shared = {name: value for name, value in self.shared.items() if name not in _NOT_SHARED}
        return ", ".join(
            f"{name}={write_argument(name, value)}" for name, value in {**named, **shared}.items()
        )

    def plain(self) -> str:
        return f"{self.node.class_name}({self.arguments})"

    def expanded(self, name: str | None, source: str) -> str:
        return self.expanded_over({name: source})

    def expanded_over(self, sources: Mapping[str | None, str] | Mapping[str, str]) -> str:
        held = f".partial({self.arguments})" if self.arguments else ""
        inner = ", ".join(f"{name}={source}" if name else source for name, source in sources.items())
        return f"{self.node.class_name}{held}.{'expand' if None not in sources else 'expand_kwargs'}({inner})"


# What was called with what


def _read_call(node: Node) -> dict[str, Any]:
    """Give the arguments of a decorated function's call, by name."""
    function = node.arguments["python_callable"]
    args, kwargs = node.arguments.get("op_args") or (), node.arguments.get("op_kwargs") or {}
    try:
        bound = inspect.signature(function).bind_partial(*args, **kwargs)
    except (TypeError, ValueError):
        return dict(kwargs)
    return {
        name: value
        for name, value in bound.arguments.items()
        if bound.signature.parameters[name].kind
        not in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    }


def _read_constructor(node: Node) -> dict[str, Any]:
    """Give the arguments of an operator, with what is bound to its function among the function's arguments."""
    found = {name: value for name, value in node.arguments.items() if name not in _NOT_SHARED}
    function = found.get("python_callable")
    if isinstance(function, functools.partial):
        found["python_callable"] = function.func
        if function.args:
            found["op_args"] = [*function.args, *(found.get("op_args") or ())]
        if function.keywords:
            found["op_kwargs"] = {**function.keywords, **(found.get("op_kwargs") or {})}
    elif bound := _read_bound(function):
        found["python_callable"] = _Replaced(tuple(bound))
        found["op_kwargs"] = {**bound, **(found.get("op_kwargs") or {})}
    return found


@dataclass(frozen=True, slots=True)
class _Replaced:
    """A function of the file that stands for one made in the task, or for several; *parameters* tell what to do."""

    parameters: tuple[str, ...]


def _read_bound(function: Any) -> dict[str, Any]:
    """Give the values that a lambda or an inner function has got from where it was made."""
    if not inspect.isfunction(function) or "<" not in function.__qualname__:
        return {}
    parameters = inspect.signature(function).parameters.values()
    bound = {each.name: each.default for each in parameters if each.default is not each.empty}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            bound[name] = cell.cell_contents
        except ValueError:  # not filled yet
            continue
    return {name: value for name, value in bound.items() if is_data(value)}


def _unite_functions(variants: Sequence[dict[str, Any]]) -> str:
    """Let one function stand for several, which only its arguments tell apart; give the comment that says so."""
    functions = [variant.get("python_callable") for variant in variants]
    if all(each == functions[0] for each in functions):
        if not isinstance(functions[0], _Replaced):
            return ""
        parameters = ", ".join(functions[0].parameters)
        return f"\n    # {_WORK}({parameters}) is a function of the file that does what the one made in the task did"
    names = [str(getattr(each, "__name__", "?")) for each in functions]
    for variant, name in zip(variants, names, strict=True):
        variant["python_callable"] = _Replaced(("which",))
        variant["op_args"] = [name, *(variant.get("op_args") or ())]
    return f"\n    # {_WORK}(which, ...) is a function of the file that calls {' or '.join(dict.fromkeys(names))}"


def _find_varying(variants: Sequence[Mapping[str, Any]]) -> list[str]:
    """Give the arguments that differ; of a single call, the one that would."""
    names = list(dict.fromkeys(name for variant in variants for name in variant))
    if len(variants) > 1:
        differing = [
            name for name in names if any(not _same(v.get(name), variants[0].get(name)) for v in variants)
        ]
        return [name for name in differing if name != "python_callable"]
    data = [name for name in names if is_data(variants[0][name])]
    return sorted(data, key=lambda name: name not in _ARGUMENTS_FIRST)[:1]


def _same(one: Any, other: Any) -> bool:
    try:
        return one is other or bool(one == other)
    except Exception:
        return False


def _name_alike(names: Sequence[str]) -> str:
    """Give a task id for all of *names*: what they begin with, up to the last separator."""
    if len(names) == 1 or len(set(names)) == 1:
        return names[0]
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    start = "".join(letters[0] for letters in alike)
    if not re.search(r"[\W_]$", start):
        start = re.sub(r"(?<=[\W_])[^\W_]*$", "", start)
    return re.sub(r"[\W_]+$", "", start) or "each"


def _find_source(values: list[Any], running: Output, upstreams: Sequence[Output]) -> Output:
    """Find the task whose output *values* is, element by element; else it is the running task's to return them."""
    if values and all(map(is_data, values)):
        wanted = _normalise(values)
        for each in upstreams:
            output = _normalise(each.value) if is_data(each.value) else None
            if output == wanted:
                return each
            if isinstance(output, list) and [[one] for one in output] == wanted:
                return Output(each.task_id, f"{each.expression}.map(lambda one: [one])")
    return running


# Values as text


def is_data(value: Any) -> bool:
    """Say whether an XCom can hold *value* as it is."""
    if isinstance(value, (list, tuple)):
        return all(map(is_data, value))
    if isinstance(value, dict):
        return all(isinstance(name, str) and is_data(each) for name, each in value.items())
    return value is None or isinstance(value, (str, int, float, bool))


def _normalise(value: Any) -> Any:
    """Give what an XCom makes of a value: tuples become lists."""
    if isinstance(value, (list, tuple)):
        return [_normalise(each) for each in value]
    if isinstance(value, dict):
        return {name: _normalise(each) for name, each in value.items()}
    return value


def write_argument(name: str, value: Any) -> str:
    """Write an argument of a call; a secret, and what no code can be written for, is left out."""
    if is_secret(name):
        return "..."
    if isinstance(value, _Replaced):
        return _WORK
    if callable(value):
        return _name_function(value)
    return write_value(value)


def _name_function(value: Callable[..., Any]) -> str:
    name = str(getattr(value, "__name__", "..."))
    return name if name.isidentifier() else _WORK


def write_value(value: Any) -> str:
    """Write a value as Python, long lists and texts cut."""
    if isinstance(value, str):
        return json.dumps(value if len(value) <= 80 else value[:77] + "...", ensure_ascii=False)
    if isinstance(value, (list, tuple)):
        shown = [write_value(each) for each in value[:_SHOWN]]
        return f"[{', '.join([*shown, *(['...'] if len(value) > _SHOWN else [])])}]"
    if isinstance(value, dict):
        inner = (
            f"{json.dumps(str(name))}: {write_argument(str(name), each)}" for name, each in value.items()
        )
        return "{" + ", ".join(inner) + "}"
    return repr(value) if is_data(value) else "..."
