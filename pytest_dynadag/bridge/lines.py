"""Where each task and group is written: Airflow does not keep the line, so we note it while a file is parsed."""

# A task is noted when it joins its DAG, which both families do in DAG.add_task (sdk/definitions/dag.py, 3.3.2;
# models/dag.py, 2.11.2), also for mapped operators; a group when it is entered. The line is the innermost one in the
# DAG's own file, or else the innermost one outside of libraries.

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from pathlib import Path
from types import FrameType
from typing import Any

from pytest_dynadag.bridge.importing import undisturbed
from pytest_dynadag.bridge.patching import replaced
from pytest_dynadag.location import Location

_noted: dict[int, tuple[weakref.ref[Any], dict[str, Location]]] = {}


_INSTALLED = ("bin", "lib", "lib64")
_PREFIXES = (sys.prefix, str(Path(sys.prefix).resolve()), sys.base_prefix)


def list_libraries(search_path: Iterable[str], prefixes: Iterable[str] = _PREFIXES) -> tuple[str, ...]:
    """
    Give the beginnings of paths that are not the user's code: ours first, the standard library, what is installed.

    Packages may be installed outside of the interpreter's own folders: by `pip install --user`, as in images of Airflow,
    or in an environment below this one, to which a .pth file leads. DAGs may lie below the interpreter's prefix:
    /usr/local/airflow.

    Args:
        search_path: What is imported from, such as `sys.path`.
        prefixes: Where Python and its environment are installed.
    """
    below = (Path(prefix, name) for prefix in prefixes for name in _INSTALLED)
    installed = (path for path in search_path if Path(path).name in {"site-packages", "dist-packages"})
    folders = (Path(__file__).parents[1], *below, *installed)
    return tuple(dict.fromkeys(f"{folder}/" for folder in folders))


LIBRARIES = list_libraries(sys.path)


def lines_of(dag: Any) -> dict[str, Location]:
    """Give task and group ids of *dag* to the place where each is written, as far as it was noted."""
    reference, lines = _noted.get(id(dag), (None, {}))
    return lines if reference is not None and reference() is dag else {}


@contextmanager
def noted_lines() -> Iterator[None]:
    """Note where tasks and groups are written, for every DAG built within."""
    dag_class, group_class = _authoring_classes()
    add_task, enter = dag_class.add_task, group_class.__enter__
    if hasattr(add_task, "_dynadag"):  # they are noted already
        yield
        return
    note_task = _noting(add_task, lambda dag, task, *_: (dag, task.task_id))
    note_group = _noting(enter, lambda group, *_: (_dag_of(group), group.group_id))
    with replaced(dag_class, "add_task", note_task), replaced(group_class, "__enter__", note_group):
        yield


def note_lines() -> None:
    """Note where tasks and groups are written from now on, also for DAGs that tests build themselves."""
    _FOR_GOOD.enter_context(noted_lines())


_FOR_GOOD = ExitStack()


def _noting(original: Callable[..., Any], about: Callable[..., tuple[Any, Any]]) -> Callable[..., Any]:
    @wraps(original)
    def note(*args: Any, **kwargs: Any) -> Any:
        dag, node_id = about(*args, *kwargs.values())
        if dag is not None and node_id and (place := _find_place(dag, sys._getframe(1))):  # noqa: SLF001
            _lines_for(dag).setdefault(node_id, place)
        return original(*args, **kwargs)

    note._dynadag = True  # type: ignore[attr-defined]  # noqa: SLF001 - our own mark
    return note


def _lines_for(dag: Any) -> dict[str, Location]:
    reference, lines = _noted.get(id(dag), (None, {}))
    if reference is None or reference() is not dag:
        key = id(dag)
        _noted[key] = (weakref.ref(dag, lambda gone: _forget(key, gone)), lines := {})
    return lines


def _forget(key: int, reference: weakref.ref[Any]) -> None:
    if key in _noted and _noted[key][0] is reference:
        del _noted[key]


def _find_place(dag: Any, frame: FrameType | None) -> Location | None:
    own_file = getattr(dag, "fileloc", None)
    outside: Location | None = None
    while frame is not None:
        file = frame.f_code.co_filename
        if file == own_file:
            return Location(file, frame.f_lineno)
        if outside is None and not file.startswith(("<", *LIBRARIES)):
            outside = Location(file, frame.f_lineno)
        frame = frame.f_back
    return outside


def find_user_line() -> Location | None:
    """Return the innermost line on the stack that is neither the standard library's, nor an installed package's, nor ours."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001
    while frame is not None and frame.f_code.co_filename.startswith(("<", *LIBRARIES)):
        frame = frame.f_back
    return None if frame is None else Location(frame.f_code.co_filename, frame.f_lineno)


def _dag_of(group: Any) -> Any:
    return getattr(group, "dag", None)


def _authoring_classes() -> tuple[Any, Any]:
    with undisturbed():
        try:
            from airflow.sdk import DAG, TaskGroup
        except ImportError:
            from airflow.models.dag import DAG
            from airflow.utils.task_group import TaskGroup
    return DAG, TaskGroup
