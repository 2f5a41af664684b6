"""The order of sets: a DAG file is compiled so that its sets know their line and can be iterated the other way round."""

# Python's set order depends on the hash seed, which a running process cannot change, and no call can be caught where
# a set is iterated. So the file's own set displays, comprehensions and set() calls are compiled into sets of ours.

from __future__ import annotations

import ast
import builtins
import datetime as dt
import importlib.machinery
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from pytest_dynadag.generate.circumstances import Variation
from pytest_dynadag.generate.instruments.asking import Asking, Site
from pytest_dynadag.generate.instruments.patches import Patches

NAME = "hash_seed"
TURNED = -1
"""The number of the value at which sets are the other way round, instead of another seed."""

_MAKE, _WATCH = "__dynadag_set__", "__dynadag_iterated__"
_STEADY = (int, float, complex, bool)  # their hash is the same under every seed
_ITERATING = frozenset(["list", "tuple", "enumerate", "iter", "zip", "map", "filter", "reversed", "next"])


class _Turnable:
    """What the sets below share: their site, and the order in which they give their members."""

    _site: Site | None = None
    _asking: Asking | None = None

    def __iter__(self) -> Iterator[Any]:
        members = list(super().__iter__())  # type: ignore[misc]
        if self._asking is None or len(members) < 2 or not depends_on_seed(members):
            return iter(members)
        if self._asking.is_changed_at(NAME, self._site):
            members.reverse()
        return iter(members)

    def __reduce__(self) -> tuple[Any, ...]:
        plain = set if isinstance(self, set) else frozenset
        return plain, (list(self),)


class TurnableSet(_Turnable, set):  # type: ignore[type-arg]
    """A set that knows where it was made."""

    def __repr__(self) -> str:
        return f"{{{', '.join(map(repr, self))}}}" if self else "set()"

    def pop(self) -> Any:
        """Remove and give the member that comes first."""
        for member in self:
            self.remove(member)
            return member
        raise KeyError("pop from an empty set")


class TurnableFrozenSet(_Turnable, frozenset):  # type: ignore[type-arg]
    """A frozenset that knows where it was made."""


# Whoever names the type of a set, or shows it, says the same in a generation that turns it.
for _own, _plain in ((TurnableSet, set), (TurnableFrozenSet, frozenset)):
    _own.__name__, _own.__qualname__, _own.__module__ = (
        _plain.__name__,
        _plain.__qualname__,
        _plain.__module__,
    )


def depends_on_seed(members: Iterable[Any]) -> bool:
    """Tell whether the order of a set of *members* can differ between processes; that of numbers does not."""
    return not all(isinstance(member, _STEADY) for member in members)


def apply(asking: Asking, variation: Variation, patches: Patches) -> None:
    """Compile the user's files so that their sets can be turned; stand in for `hash` in the user's code."""
    if not (asking.noting or variation.number(NAME) == TURNED):
        return
    maker = _Maker(asking)
    _patch_loader(asking, patches)
    # These stay: modules compiled in this parse may be used in the next one, which puts its own in their place.
    setattr(builtins, _MAKE, maker.make)
    setattr(builtins, _WATCH, maker.watch)
    patches.set(builtins, "hash", _make_hash(asking))


def transform(source: bytes, file: str) -> ast.Module:
    """Parse *source*, and wrap what makes a set and what iterates one."""
    tree: ast.Module = _Wrapping(file).visit(ast.parse(source, file))
    return ast.fix_missing_locations(tree)


class _Maker:
    """What the compiled code calls."""

    def __init__(self, asking: Asking) -> None:
        self.asking = asking

    def make(self, value: Any, file: str, line: int) -> Any:
        """Give a set of ours for one that was just made."""
        if type(value) is set:
            return self._with_site(TurnableSet(value), (file, line))
        if type(value) is frozenset:
            return self._with_site(TurnableFrozenSet(value), (file, line))
        return value

    def watch(self, value: Any, file: str, line: int) -> Any:
        """Give a set of ours for one that a library made and that is iterated here; anything else as it is."""
        if isinstance(value, _Turnable):
            return value
        return self.make(value, file, line)

    def _with_site(self, value: Any, site: Site) -> Any:
        value._site, value._asking = site, self.asking  # noqa: SLF001
        return value


class _Wrapping(ast.NodeTransformer):
    """Wraps set-making expressions, and expressions that are iterated."""

    def __init__(self, file: str) -> None:
        self.file = file

    def visit_Set(self, node: ast.Set) -> Any:
        return self._wrap(_MAKE, self.generic_visit(node))

    def visit_SetComp(self, node: ast.SetComp) -> Any:
        return self._wrap(_MAKE, self._watch_generators(node))

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        visited = self.generic_visit(node)
        is_set_operator = isinstance(node.op, (ast.BitOr, ast.BitAnd, ast.BitXor, ast.Sub))
        return self._wrap(_MAKE, visited) if is_set_operator else visited

    def visit_Call(self, node: ast.Call) -> Any:
        """Watch what is iterated by a call, and wrap the sets that calls make."""
        called = node.func
        self.generic_visit(node)
        iterates = isinstance(called, ast.Name) and called.id in _ITERATING
        if iterates or (isinstance(called, ast.Attribute) and called.attr in {"join", "fromkeys"}):
            node.args = [self._watch(argument) for argument in node.args]
        makes = isinstance(called, ast.Name) and called.id in {"set", "frozenset"}
        makes = makes or (isinstance(called, ast.Attribute) and called.attr in _SET_METHODS)
        return self._wrap(_MAKE, node) if makes else node

    def visit_For(self, node: ast.For) -> Any:
        self.generic_visit(node)
        node.iter = self._watch(node.iter)
        return node

    def visit_Starred(self, node: ast.Starred) -> Any:
        self.generic_visit(node)
        if isinstance(node.ctx, ast.Load):
            node.value = self._watch(node.value)
        return node

    def visit_ListComp(self, node: ast.ListComp) -> Any:
        return self._watch_generators(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> Any:
        return self._watch_generators(node)

    def visit_DictComp(self, node: ast.DictComp) -> Any:
        return self._watch_generators(node)

    def _watch_generators(self, node: Any) -> Any:
        self.generic_visit(node)
        for generator in node.generators:
            generator.iter = self._watch(generator.iter)
        return node

    def _watch(self, node: ast.expr) -> ast.expr:
        return node if isinstance(node, (ast.Constant, ast.Starred)) else self._wrap(_WATCH, node)

    def _wrap(self, name: str, node: Any) -> Any:
        call = ast.Call(
            ast.Name(name, ast.Load()), [node, ast.Constant(self.file), ast.Constant(node.lineno)], []
        )
        return ast.copy_location(call, node)


_SET_METHODS = frozenset(["union", "intersection", "difference", "symmetric_difference"])


def _patch_loader(asking: Asking, patches: Patches) -> None:
    kind: Any = importlib.machinery.SourceFileLoader
    owner = next(base for base in kind.__mro__ if "get_code" in vars(base))
    get_code = vars(owner)["get_code"]

    def compile_watched(self: Any, fullname: str) -> Any:
        path = self.get_filename(fullname)
        if not asking.is_own_file(path):
            return get_code(self, fullname)
        return compile(transform(Path(path).read_bytes(), path), path, "exec", dont_inherit=True)

    patches.set(owner, "get_code", compile_watched)


def _make_hash(asking: Asking) -> Callable[[Any], int]:
    """Give a `hash` that can be changed for the user's own calls, as another seed would."""
    real = builtins.hash

    def give_hash(value: Any) -> int:
        result = real(value)
        if not asking.is_own_call() or not depends_on_seed(_flatten(value)):
            return result
        return real((result, NAME)) if asking.is_changed(NAME) else result

    return give_hash


def _flatten(value: Any) -> Iterator[Any]:
    if isinstance(value, (tuple, frozenset)):
        for member in value:
            yield from _flatten(member)
    elif not isinstance(value, dt.timedelta):
        yield value
