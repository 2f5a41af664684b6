"""What one parse leaves behind for the next: variables of imported modules and of the process that have changed."""

from __future__ import annotations

import ast
import os
import sys
import types
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from pytest_dynadag.generate.instruments.asking import Asking, Site
from pytest_dynadag.graph.canonical import dump

_ENVIRONMENT = "os.environ"
_MUTATING = frozenset(
    [
        "append",
        "appendleft",
        "add",
        "update",
        "extend",
        "insert",
        "setdefault",
        "pop",
        "popleft",
        "popitem",
        "remove",
        "discard",
        "clear",
        "__setitem__",
        "sort",
        "reverse",
    ]
)

Snapshot = dict[tuple[str, str], str]
"""(file, name) to a text of the value; for environment variables the file is `os.environ`."""


def take_snapshot(asking: Asking) -> Snapshot:
    """Note the variables of the user's modules that stay loaded, and the environment."""
    found = {(_ENVIRONMENT, name): value for name, value in os.environ.items()}
    for module in own_modules(asking):
        for name, value in list(vars(module).items()):
            if not name.startswith("__") and not isinstance(value, types.ModuleType):
                found.update(_describe(str(module.__file__), name, value))
    return found


def own_modules(asking: Asking) -> list[types.ModuleType]:
    """Give the user's modules that are imported; the DAG file's own is made anew at each parse."""
    loaded = [module for module in list(sys.modules.values()) if isinstance(module, types.ModuleType)]
    return [
        module
        for module in loaded
        if (file := getattr(module, "__file__", None)) and asking.is_own_file(file) and file != asking.file
    ]


def find_changed(before: Snapshot, after: Snapshot) -> list[tuple[str, str]]:
    """Give the (file, name) of what has changed."""
    return [key for key, text in after.items() if before.get(key) != text]


def locate_change(changed: Iterable[tuple[str, str]], files: Iterable[str]) -> Site | None:
    """Give the line in *files* that changes one of the variables *changed*; those that say so most plainly first."""
    trees = {file: ast.parse(Path(file).read_bytes()) for file in files if file.endswith(".py")}
    for owner, name in changed:
        leaf = name.rpartition(".")[2]
        for file in sorted(trees, key=lambda file: file != owner):
            for node in ast.walk(trees[file]):
                if _changes(node, leaf) and not _is_first_value(node, trees[file]):
                    return file, node.lineno  # type: ignore[attr-defined]
    return None


def _describe(file: str, name: str, value: Any) -> Iterator[tuple[tuple[str, str], str]]:
    with suppress(Exception):
        if isinstance(value, type):
            for own, inner in vars(value).items():
                if not own.startswith("__") and not callable(inner):
                    yield (file, f"{name}.{own}"), dump(inner)
        elif not callable(value) or hasattr(value, "__dict__"):
            attributes = "" if isinstance(value, types.FunctionType) else dump(getattr(value, "__dict__", {}))
            yield (file, name), f"{dump(value)} {attributes}"


def _changes(node: ast.AST, name: str) -> bool:
    if isinstance(node, ast.AugAssign):
        return _names(node.target, name)
    if isinstance(node, (ast.Assign, ast.Delete)):
        return any(_names(target, name) for target in node.targets)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in _MUTATING and _names(node.func.value, name):
            return True
        return _sets_variable(node, name)
    is_next = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "next"
    return is_next and bool(node.args) and _names(node.args[0], name)  # type: ignore[attr-defined]


def _sets_variable(node: ast.Call, name: str) -> bool:
    """Tell whether it is `os.environ.setdefault("NAME", ...)` or `os.putenv`."""
    first = node.args[0] if node.args else None
    return (
        isinstance(node.func, ast.Attribute)
        and node.func.attr in {"setdefault", "putenv", "update"}
        and isinstance(first, ast.Constant)
        and first.value == name
    )


def _names(node: ast.AST, name: str) -> bool:
    """Tell whether an expression that is changed is, or belongs to, the variable *name*."""
    if isinstance(node, ast.Name):
        return node.id == name
    if isinstance(node, ast.Attribute):
        return node.attr == name or _names(node.value, name)
    if isinstance(node, ast.Subscript):
        key = node.slice
        return _names(node.value, name) or (isinstance(key, ast.Constant) and key.value == name)
    return False


def _is_first_value(node: ast.AST, tree: ast.Module) -> bool:
    """Tell whether *node* is the plain `name = value` of a module: executed once, whoever imports it."""
    return (
        isinstance(node, ast.Assign) and node in tree.body and all(isinstance(t, ast.Name) for t in node.targets)
    )
