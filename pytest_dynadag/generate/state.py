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

ENVIRONMENT = "os.environ"
"""Stands for the file of what is not a variable of a module but of the process."""

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
    found = {(ENVIRONMENT, name): value for name, value in os.environ.items()}
    for module in own_modules(asking):
        for name, value in list(vars(module).items()):
            if not name.startswith("__") and not isinstance(value, types.ModuleType):
                found.update(_describe(str(module.__file__), name, value))
    return found


def own_modules(asking: Asking) -> list[types.ModuleType]:
    """Give the user's modules that are imported; the DAG file's own is made anew at each parse."""
    loaded: list[Any] = list(sys.modules.copy().values())
    return [
        module
        for module in loaded
        if (file := getattr(module, "__file__", None)) and asking.is_own_file(file) and file != asking.file
    ]


def find_changed(before: Snapshot, after: Snapshot, *, only: str | None = None) -> list[tuple[str, str]]:
    """Give the (file, name) of what has changed; *only* in one file."""
    return [
        key for key, text in after.items() if before.get(key) != text and (only is None or key[0] == only)
    ]


def locate_change(changed: Iterable[tuple[str, str]], files: Iterable[str]) -> Site | None:
    """Give the line in *files* that changes one of the variables *changed*; its own module is looked at first."""
    trees = {file: ast.parse(Path(file).read_bytes()) for file in files if file.endswith(".py")}
    for owner, name in changed:
        for file in sorted(trees, key=lambda file: file != owner):
            plain = _plain_values(trees[file])
            finder = _Finder(name, is_own=file == owner)
            for node in ast.walk(trees[file]):
                if node not in plain and finder.changes(node):
                    return file, node.lineno  # type: ignore[attr-defined]
    return None


def _plain_values(tree: ast.Module) -> set[ast.AST]:
    """Give the statements `name = value` of modules and classes: executed once, whoever imports them."""
    bodies: list[ast.Module | ast.ClassDef] = [tree]
    bodies += [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    return {
        node
        for owner in bodies
        for node in owner.body
        if isinstance(node, (ast.Assign, ast.AnnAssign))
        and all(isinstance(t, ast.Name) for t in _targets(node))
    }


def _describe(file: str, name: str, value: Any) -> Iterator[tuple[tuple[str, str], str]]:
    with suppress(Exception):
        if isinstance(value, type):
            for own, inner in vars(value).items():
                if not own.startswith("__") and not callable(inner):
                    yield (file, f"{name}.{own}"), dump(inner)
        elif not callable(value) or hasattr(value, "__dict__"):
            attributes = "" if isinstance(value, types.FunctionType) else dump(getattr(value, "__dict__", {}))
            yield (file, name), f"{dump(value)} {attributes}"


def _targets(node: ast.Assign | ast.AnnAssign) -> list[ast.expr]:
    return node.targets if isinstance(node, ast.Assign) else [node.target]


class _Finder:
    """Recognises what changes the variable *name*, in its own module or in one that imports it."""

    def __init__(self, name: str, *, is_own: bool) -> None:
        self.owner, _, self.leaf = name.rpartition(".")
        self.is_own = is_own

    def changes(self, node: ast.AST) -> bool:
        """Tell whether *node* changes it."""
        if isinstance(node, ast.AugAssign):
            return self._means(node.target)
        if isinstance(node, (ast.Assign, ast.Delete)):
            return any(self._means(target) for target in node.targets)
        if not isinstance(node, ast.Call):
            return False
        if isinstance(node.func, ast.Attribute):
            is_mutation = node.func.attr in _MUTATING and self._means(node.func.value)
            return is_mutation or self._sets_variable(node.func, node.args)
        is_next = isinstance(node.func, ast.Name) and node.func.id == "next"
        return is_next and bool(node.args) and self._means(node.args[0])

    def _sets_variable(self, called: ast.Attribute, arguments: list[ast.expr]) -> bool:
        """Recognise `os.environ.setdefault("NAME", ...)` and `os.putenv`."""
        first = arguments[0] if arguments else None
        is_name = isinstance(first, ast.Constant) and first.value == self.leaf
        return is_name and called.attr in {"setdefault", "putenv"}

    def _means(self, node: ast.AST) -> bool:
        """Tell whether an expression is the variable, or something in it."""
        if isinstance(node, ast.Name):
            return node.id == self.leaf and not self.owner
        if isinstance(node, ast.Subscript):
            key = node.slice
            return self._means(node.value) or (isinstance(key, ast.Constant) and key.value == self.leaf)
        if not isinstance(node, ast.Attribute):
            return False
        if self._means(node.value):
            return True
        holder = node.value.id if isinstance(node.value, ast.Name) else None
        if node.attr != self.leaf or holder is None:
            return False
        if self.owner:
            return holder in {self.owner.rpartition(".")[2], "cls"}
        return not self.is_own and holder not in {"self", "cls"}
