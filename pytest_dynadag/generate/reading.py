"""Which environment variables DAG files read by name: those that no generation changes are said to be unchecked."""

# Read from the text: what a file is told about itself must not depend on which of its branches was taken.

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from pytest_dynadag.location import Location

_VARIED = frozenset(("HOSTNAME", "USER", "LOGNAME", "USERNAME", "HOME", "TZ"))
"""What the circumstances change: instruments/environment.py, instruments/zone.py."""
_MOST = 3


def describe_unvaried(paths: Iterable[str]) -> tuple[str, ...]:
    """Say which environment variables the DAG files at *paths* read although no generation changes them."""
    places: dict[str, Location] = {}
    for path in paths:
        for name, line in read_names(Path(path)).items():
            if name not in _VARIED and not name.startswith("AIRFLOW_"):
                places.setdefault(name, Location(path, line))
    if not places:
        return ()
    shown = ", ".join(f"{name} ({place})" for name, place in list(places.items())[:_MOST])
    more = f" and {len(places) - _MOST} more" if len(places) > _MOST else ""
    what = f"{'environment variables' if len(places) > 1 else 'an environment variable'} of your own: {shown}{more}"
    return (
        f"{what}; what depends on one may differ where it does (ini dynadag_own_circumstances changes it)",
    )


def read_names(path: Path) -> dict[str, int]:
    """Give the names that a file asks `os.environ` or `os.getenv` for and does not set itself, each with its line."""
    try:
        text = path.read_text(encoding="utf-8")
        nodes = list(ast.walk(ast.parse(text))) if "environ" in text or "getenv" in text else []
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    own = dict(_find_names(nodes, _name_set))
    return {name: line for name, line in _find_names(nodes, _name_asked) if name not in own}


def _find_names(
    nodes: Iterable[ast.AST], find: Callable[[ast.AST], ast.expr | None]
) -> Iterator[tuple[str, int]]:
    for node in nodes:
        name = find(node)
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            yield name.value, name.lineno


def _name_asked(node: ast.AST) -> ast.expr | None:
    """Give what an expression asks the environment for, if it does."""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        return node.slice if _is_named(node.value, "environ") else None
    if isinstance(node, ast.Call) and node.args:
        asks = _is_method(node.func, "get") or _is_named(node.func, "getenv")
        return node.args[0] if asks else None
    return None


def _name_set(node: ast.AST) -> ast.expr | None:
    """Give what an expression sets in the environment, if it does."""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
        return node.slice if _is_named(node.value, "environ") else None
    sets = isinstance(node, ast.Call) and node.args and _is_method(node.func, "setdefault")
    return node.args[0] if sets and isinstance(node, ast.Call) else None


def _is_method(function: ast.expr, name: str) -> bool:
    return (
        isinstance(function, ast.Attribute) and function.attr == name and _is_named(function.value, "environ")
    )


def _is_named(expression: ast.expr, name: str) -> bool:
    """Tell whether an expression is a name, or the attribute of a module, such as `os.environ`."""
    return name in {getattr(expression, "attr", None), getattr(expression, "id", None)}
