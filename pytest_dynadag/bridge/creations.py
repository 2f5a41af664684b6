"""Noticing what a task makes while it runs: operators, DAGs, dependencies, and operators among its XComs."""

# Every way to make an operator ends in the call of its class, so we listen to the metaclass; a mapped operator is no
# such class, and tells itself when it is complete. What a task merely imports or parses is not its own making, nor is
# what a library does for itself: only a line of the user's between the task's work and the event counts.
# Source: sdk/bases/operator.py, sdk/definitions/{mappedoperator,dag,_internal/node}.py, sdk/execution_time/
# task_runner.py (3.3.2); models/{baseoperator,mappedoperator,dag,taskmixin,taskinstance}.py (2.11.2).

# ruff: noqa: AIR311 - what we listen to in Airflow 2 has moved since

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, Literal, NamedTuple, Protocol

from pytest_dynadag.bridge.lines import LIBRARIES
from pytest_dynadag.bridge.patching import replaced
from pytest_dynadag.bridge.running import key_of
from pytest_dynadag.location import Location

_PARSERS = ("airflow.serialization", "airflow.models.dagbag", "airflow.dag_processing")
"""Below these, DAGs and operators come from a file or a database."""

_WORK = ("execute", "execute_callable", "poke", "choose_branch", "dry_run", "resume_execution")
"""The methods by which somebody uses an operator on the spot."""

_AIRFLOWS_OWN = ("_airflow_from_mapped", "_airflow_mapped_validation_only")
"""Arguments with which Airflow itself makes the operator of a mapped instance."""


class Attempt(NamedTuple):
    """One try of one instance; a map index of -1 is none."""

    task_id: str
    map_index: int
    number: int


@dataclass(frozen=True, slots=True)
class Node:
    """
    An operator or a DAG, as far as a message needs it.

    Attributes:
        identity: The same for the same object during a run.
        name: Its task or DAG id.
        class_name: Its class; of a decorated task, its function.
        kind: An operator, one made by `expand`, or a DAG.
        decorated: Whether an operator is made from a decorated function.
        arguments: What it was made with, by name; of a mapped one what `partial` holds.
        mapped: What `expand` (a dict) or `expand_kwargs` (anything else) of a mapped one was given.
    """

    identity: int
    name: str
    class_name: str
    kind: Literal["operator", "mapped", "dag"] = "operator"
    decorated: bool = False
    arguments: Mapping[str, Any] = field(default_factory=dict)
    mapped: Any = None


class Listener(Protocol):
    """Who is told."""

    watching: bool
    """Whether a task is at work."""

    def window(self, attempt: Attempt) -> AbstractContextManager[None]:
        """Enclose the work of a task."""

    def made(self, node: Node, place: Location, dag: int | None, *, linked: bool = False) -> None:
        """Take note of a new node, the identity of the DAG it went into, and whether it has a dependency."""

    def joined(self, node: Node, place: Location, dag: int) -> None:
        """Take note of an operator that goes into a DAG after it was made."""

    def linked(self, upstream: tuple[Node, ...], downstream: tuple[Node, ...], place: Location) -> None:
        """Take note of a dependency."""

    def worked(self, identity: int) -> None:
        """Take note that somebody uses an operator on the spot."""

    def suspects(self, attempt: Attempt) -> bool:
        """Say whether a task has made anything."""

    def pushed(self, attempt: Attempt, key: str, nodes: tuple[Node, ...], error: Exception | None) -> None:
        """Take note of operators in an XCom, and of what became of storing it."""


@contextmanager
def watched_creations(listener: Listener) -> Iterator[None]:
    """Tell *listener* what tasks make, whichever engine executes them; what is replaced is put back."""
    airflow = _find_airflow()
    ears = _Ears(listener, airflow)
    with ExitStack() as stack:
        for owner, name, listen in (
            (type(airflow.operator), "__call__", ears.hear_calls),
            (airflow.mapped_operator, "__attrs_post_init__", ears.hear_mapping),
            (airflow.dag, airflow.dag_made, ears.hear_dags),
            (airflow.dag, "add_task", ears.hear_joining),
            (airflow.node, "_set_relatives", ears.hear_linking),
            (*airflow.work, ears.hear_work),
            (*airflow.push, ears.hear_pushing),
        ):
            stack.enter_context(replaced(owner, name, listen(getattr(owner, name))))
        yield


def _do_work(original: Any, *args: Any, **kwargs: Any) -> Any:
    """Do the work of a task; the stack shows where it begins."""
    return original(*args, **kwargs)


_WINDOW = _do_work.__code__


@dataclass
class _Making:
    """An operator that is being made: what its constructor does is part of it."""

    dag: int | None = None
    linked: bool = False


class _Ears:
    """What stands in for Airflow's functions: it calls them, and tells."""

    def __init__(self, listener: Listener, airflow: _Airflow) -> None:
        self.listener, self.airflow = listener, airflow
        self.alive: list[Any] = []  # an identity must not be given away again
        self.making: list[_Making] = []
        self.window: ExitStack | None = None

    def hear_work(self, original: Any) -> Any:
        """Stand in for what executes an operator: notes which instance works meanwhile."""

        def execute(*args: Any, **kwargs: Any) -> Any:
            # First comes the context in Airflow 3, the task instance in Airflow 2; 3.0 to 3.2 name it.
            first = args[0] if args else kwargs["context"]
            attempt = _attempt_of(first["ti"] if isinstance(first, Mapping) else first)
            with self.listener.window(attempt), ExitStack() as self.window:
                return _do_work(original, *args, **kwargs)

        return execute

    def hear_calls(self, original: Any) -> Any:
        """Stand in for the metaclass's call, by which every operator is made."""

        def __call__(cls: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N807 - the metaclass's
            place = self._place() if self.listener.watching and not _is_airflows_own(kwargs) else None
            if place is None:
                return original(cls, *args, **kwargs)
            self.making.append(making := _Making())
            node: Any = object()  # for the one that cannot be made
            try:
                node = original(cls, *args, **kwargs)
            finally:
                self.making.pop()
                described = _describe_call(cls, node, kwargs)
                self.listener.made(described, place, making.dag, linked=making.linked)
                self._keep(node)
            self._watch_use(cls)
            return node

        return __call__

    def hear_mapping(self, original: Any) -> Any:
        """Stand in for what ends the making of a mapped operator."""

        def __attrs_post_init__(node: Any) -> None:  # noqa: N807 - attrs'
            place = self._place() if self.listener.watching else None
            if place is None:
                original(node)
                return
            self.making.append(making := _Making())
            try:
                original(node)
            finally:
                self.making.pop()
                self.listener.made(self.describe(node), place, making.dag, linked=making.linked)
                self._keep(node)

        return __attrs_post_init__

    def hear_dags(self, original: Any) -> Any:
        """Stand in for what makes a DAG."""

        @functools.wraps(original)
        def made(dag: Any, *args: Any, **kwargs: Any) -> None:
            original(dag, *args, **kwargs)
            if self.listener.watching and (place := self._place()):
                self.listener.made(self.describe(dag), place, None)
                self._keep(dag)

        return made

    def hear_joining(self, original: Any) -> Any:
        """Stand in for what puts an operator into a DAG."""

        def add_task(dag: Any, task: Any) -> Any:
            """Note a task that joins a DAG, then let it."""
            if self.making:
                self.making[-1].dag = id(dag)
            elif self.listener.watching and (place := self._place()):
                self.listener.joined(self.describe(task), place, id(dag))
                self._keep(task)
            return original(dag, task)

        return add_task

    def hear_linking(self, original: Any) -> Any:
        """Stand in for what sets a dependency."""

        def _set_relatives(node: Any, others: Any, upstream: bool = False, **kwargs: Any) -> Any:
            if self.making:
                self.making[-1].linked = True
            elif self.listener.watching and (place := self._place()):
                ends = (self._describe_ends(others), self._describe_ends(node))
                self.listener.linked(*(ends if upstream else ends[::-1]), place)
            return original(node, others, upstream, **kwargs)

        return _set_relatives

    def hear_pushing(self, original: Any) -> Any:
        """Stand in for what pushes an XCom."""

        def push(ti: Any, key: Any, value: Any, *args: Any, **kwargs: Any) -> Any:
            """Push, and look into what JSON cannot hold or a suspect returns."""
            try:
                result = original(ti, key, value, *args, **kwargs)
            except Exception as error:
                self._look_into(ti, key, value, error)
                raise
            # JSON cannot hold an operator. What can is looked into, and what comes from a suspect.
            if self.airflow.stores_anything or self.listener.suspects(_attempt_of(ti)):
                self._look_into(ti, key, value, None)
            return result

        return push

    def describe(self, thing: Any) -> Node:
        """Describe an operator, mapped or not, or a DAG."""
        if isinstance(thing, self.airflow.dag):
            return Node(id(thing), thing.dag_id, type(thing).__name__, "dag")
        if isinstance(thing, self.airflow.mapped_operator):
            return _describe_mapped(thing)
        return _describe_call(type(thing), thing, vars(thing).get("_BaseOperator__init_kwargs", {}))

    def _describe_ends(self, ends: Any) -> tuple[Node, ...]:
        found = ends if isinstance(ends, (list, tuple)) else (ends,)
        return tuple(map(self._describe_end, found))

    def _describe_end(self, end: Any) -> Node:
        end = getattr(end, "operator", end)
        if isinstance(end, (self.airflow.operator, self.airflow.mapped_operator)):
            return self.describe(end)
        return Node(id(end), str(getattr(end, "node_id", end)), type(end).__name__)

    def _look_into(self, ti: Any, key: str, value: Any, error: Exception | None) -> None:
        wanted = (
            self.airflow.operator,
            self.airflow.mapped_operator,
            self.airflow.dag,
            self.airflow.xcom_arg,
        )
        found = {id(each): each for each in find_instances(value, wanted)}
        nodes = [self.describe(getattr(each, "operator", each)) for each in found.values()]
        if nodes:
            unique = {node.identity: node for node in nodes}
            self.listener.pushed(_attempt_of(ti), key, tuple(unique.values()), error)
            self.alive.extend(found.values())

    def _watch_use(self, cls: Any) -> None:
        """Notice, until the running task is done, whether an operator of a class is used on the spot."""
        if self.window is None or cls in self.alive:
            return
        self.alive.append(cls)
        self.window.callback(self.alive.remove, cls)
        for name in _WORK:
            if hasattr(cls, name):
                self.window.enter_context(replaced(cls, name, self._hear_use(getattr(cls, name))))

    def _hear_use(self, original: Any) -> Any:
        @functools.wraps(original)
        def use(operator: Any, *args: Any, **kwargs: Any) -> Any:
            self.listener.worked(id(operator))
            return original(operator, *args, **kwargs)

        return use

    def _keep(self, thing: Any) -> None:
        self.alive.append(thing)

    def _place(self) -> Location | None:
        return find_user_line(sys._getframe(2))  # noqa: SLF001 - the only way to tell who asks


def find_instances(value: Any, wanted: tuple[type, ...]) -> Iterable[Any]:
    """Find the instances of *wanted* in *value*, however deep in lists and dicts."""
    waiting, seen = [value], set()
    while waiting:
        one = waiting.pop()
        if isinstance(one, wanted):
            yield one
        elif isinstance(one, (dict, list, tuple, set, frozenset)) and id(one) not in seen:
            seen.add(id(one))
            waiting.extend(reversed(list(one.values() if isinstance(one, dict) else one)))


def find_user_line(frame: FrameType | None) -> Location | None:
    """
    Give the innermost line of the user's between *frame* and the work of the running task.

    None: there is none, or something is being imported, parsed or deserialised, which makes DAGs and operators
    as well and is no fault.
    """
    place: Location | None = None
    while frame is not None and frame.f_code is not _WINDOW:
        file, module = frame.f_code.co_filename, frame.f_globals.get("__name__") or ""
        if frame.f_code.co_name == "<module>" or module.startswith(_PARSERS):
            return None
        if place is None and not file.startswith(("<", *LIBRARIES)):
            place = Location(file, frame.f_lineno)
        frame = frame.f_back
    return place


def _attempt_of(ti: Any) -> Attempt:
    return Attempt(*key_of(ti), ti.try_number or 0)


def _is_airflows_own(arguments: Mapping[str, Any]) -> bool:
    return any(arguments.get(name) for name in _AIRFLOWS_OWN)


def _describe_call(cls: Any, node: Any, arguments: Mapping[str, Any]) -> Node:
    name = str(getattr(node, "task_id", None) or arguments.get("task_id", "?"))
    function = arguments.get("python_callable")
    if any(base.__name__ == "DecoratedOperator" for base in cls.__mro__) and function is not None:
        return Node(id(node), name, function.__name__, decorated=True, arguments=dict(arguments))
    return Node(id(node), name, cls.__name__, arguments=dict(arguments))


def _describe_mapped(node: Any) -> Node:
    given = node._get_specified_expand_input().value  # noqa: SLF001 - alike in both families
    held = dict(node.partial_kwargs)
    if not hasattr(node, "op_kwargs_expand_input"):
        own = {name: value for name, value in held.items() if name not in _list_common(node.operator_class)}
        return Node(
            id(node), node.task_id, node.operator_class.__name__, "mapped", arguments=own, mapped=given
        )
    function = getattr(node, "python_callable", None) or held["python_callable"]
    held = dict(held.get("op_kwargs") or {})
    return Node(id(node), node.task_id, function.__name__, "mapped", True, held, given)


def _list_common(operator_class: Any) -> frozenset[str]:
    """Give the arguments that every operator has; `partial` fills them in, whoever set them."""
    # Airflow 3.0 has two, one above the other.
    bases = [each for each in operator_class.__mro__ if each.__name__ == "BaseOperator"]
    return frozenset(name for base in bases for name in inspect.signature(base.__init__).parameters)


# The two families


@dataclass(frozen=True)
class _Airflow:
    """
    Where a family keeps what we listen to.

    *work* and *push* are an owner and the name of its function; *dag_made* is the method that ends the making of a DAG.
    """

    operator: Any
    mapped_operator: Any
    dag: Any
    dag_made: str
    node: Any
    xcom_arg: Any
    work: tuple[Any, str]
    push: tuple[Any, str]
    stores_anything: bool


def _find_airflow() -> _Airflow:
    try:
        import airflow.sdk  # noqa: F401
    except ImportError:
        return _find_airflow_2()
    return _find_airflow_3()


def _find_airflow_3() -> _Airflow:
    from airflow.sdk import DAG, BaseOperator
    from airflow.sdk.bases.xcom import BaseXCom
    from airflow.sdk.definitions._internal.node import DAGNode
    from airflow.sdk.definitions.mappedoperator import MappedOperator
    from airflow.sdk.definitions.xcom_arg import XComArg
    from airflow.sdk.execution_time import task_runner

    # Older than 3.3: one function with the callbacks before and after.
    names = ("_run_execute_callable", "_execute_task")
    return _Airflow(
        operator=BaseOperator,
        mapped_operator=MappedOperator,
        dag=DAG,
        dag_made="__attrs_post_init__",  # 3.0 has a subclass with an __init__ of its own
        node=DAGNode,
        xcom_arg=XComArg,
        work=(task_runner, next(name for name in names if hasattr(task_runner, name))),
        push=(task_runner, "_xcom_push"),
        stores_anything=task_runner.XCom is not BaseXCom,
    )


def _find_airflow_2() -> _Airflow:
    from airflow.configuration import conf
    from airflow.models import taskinstance
    from airflow.models.baseoperator import BaseOperator
    from airflow.models.dag import DAG
    from airflow.models.mappedoperator import MappedOperator
    from airflow.models.taskmixin import DAGNode
    from airflow.models.xcom import BaseXCom
    from airflow.models.xcom_arg import XComArg

    pickles = conf.getboolean("core", "enable_xcom_pickling", fallback=False)
    return _Airflow(
        operator=BaseOperator,
        mapped_operator=MappedOperator,
        dag=DAG,
        dag_made="__init__",
        node=DAGNode,
        xcom_arg=XComArg,
        work=(taskinstance, "_execute_task"),
        push=(taskinstance.TaskInstance, "xcom_push"),
        stores_anything=pickles or taskinstance.XCom is not BaseXCom,
    )
