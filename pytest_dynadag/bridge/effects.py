"""What loading a DAG file did to its process, and that a run of its DAGs needs: Airflow loads the file in the task's process."""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Effects:
    """
    What a file has left.

    Attributes:
        environment: Variables that it set; None for those that it removed.
        before, after: What it put in front of the module search path, and what behind.
        modules: What it imported, by name.
    """

    environment: Mapping[str, str | None]
    before: tuple[str, ...]
    after: tuple[str, ...]
    modules: Mapping[str, types.ModuleType]


_EFFECTS: dict[str, Effects] = {}


@contextmanager
def noted_effects(file: Path) -> Iterator[None]:
    """Note what is left by loading *file* within; whoever has lent the process undoes it."""
    environment, path, modules = dict(os.environ), list(sys.path), set(sys.modules)
    yield
    names = environment.keys() | os.environ.keys()
    first = next((n for n, entry in enumerate(sys.path) if entry in path), len(sys.path))
    _EFFECTS[str(file)] = Effects(
        {name: os.environ.get(name) for name in names if environment.get(name) != os.environ.get(name)},
        tuple(sys.path[:first]),
        tuple(entry for entry in sys.path[first:] if entry not in path),
        {name: module for name, module in sys.modules.copy().items() if name not in modules},
    )


def apply_effects(file: str) -> None:
    """Do to this process what loading *file*, or the archive that it is in, has done; the modules are the same ones."""
    effects = _EFFECTS.get(file) or _EFFECTS.get(str(Path(file).parent))
    if effects is None:
        return
    for name, value in effects.environment.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    sys.path[:] = [*effects.before, *sys.path, *effects.after]
    for name, module in effects.modules.items():
        sys.modules.setdefault(name, module)
