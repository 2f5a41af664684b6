"""What tasks and callbacks make while a DAG runs, and on which line: operators, DAGs, dependencies, XComs of them."""

# Every way to make an operator ends in the call of its class, so the metaclass is listened to; a mapped operator is no
# such class, and a DAG is none either. What is imported or parsed meanwhile is not the task's own making, nor is what
# a library does for itself: only a line of the user's between the window and the event counts.
# Source: sdk/bases/operator.py, sdk/definitions/{mappedoperator,dag,_internal/node}.py, sdk/execution_time/
# task_runner.py (3.3.2); models/{baseoperator,mappedoperator,dag,taskmixin,taskinstance}.py (2.11.2).

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from types import FrameType, SimpleNamespace
from typing import Any, Literal, NamedTuple

from pytest_dynadag.bridge.lines import LIBRARIES
from pytest_dynadag.bridge.patching import replaced
from pytest_dynadag.bridge.running import key_of
from pytest_dynadag.location import Location

_PARSERS = ("airflow.serialization", "airflow.models.dagbag", "airflow.dag_processing")
"""Below these, DAGs and operators come from a file or a database."""

_USES = ("execute", "execute_callable", "poke", "choose_branch", "dry_run", "resume_execution")
"""The methods by which an operator is used on the spot."""

_AIRFLOWS_OWN = ("_airflow_from_mapped", "_airflow_mapped_validation_only")
"""Arguments with which Airflow itself makes the operator of a mapped instance."""


class Attempt(NamedTuple):
    """One try of one instance, or the callbacks after it; those of the DAG have no task id."""

    task_id: str
    map_index: int
    number: int
    kind: Literal["task", "callback", "dag"]


@dataclass(slots=True)
class Node:
    """
    An operator or a DAG that was made, put into a DAG, or found in an XCom; no *thing* where making it raised.

    Of a decorated task *class_name* is its function. *arguments* are what it was made with, of a mapped one what `partial`
    holds; *mapped* is what `expand` (a dict) or `expand_kwargs` was given. *elsewhere* is made before the task began.
    """

    name: str
    class_name: str
    thing: Any = None
    kind: Literal["operator", "mapped", "dag"] = "operator"
    decorated: bool = False
    arguments: Mapping[str, Any] = field(default_factory=dict)
    mapped: Any = None
    place: Location | None = None
    elsewhere: bool = False
    used: bool = False

    @property
    def dag(self) -> Any:
        """The DAG that an operator is in."""
        return None if self.thing is None or self.kind == "dag" else self.thing.get_dag()

    @property
    def is_apart(self) -> bool:
        """Whether an operator was used on the spot, and is in no DAG and nothing's neighbour."""
        return self.used and not (self.dag or self.thing.upstream_task_ids or self.thing.downstream_task_ids)


@dataclass(slots=True)
class Notes:
    """What was made within one window: *edges* from upstream to downstream, *pushes* with key, node and error."""

    made: list[Node] = field(default_factory=list)
    edges: dict[tuple[str, str], Location] = field(default_factory=dict)
    pushes: list[tuple[str, Node, BaseException | None]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.made or self.edges or self.pushes)

    def find(self, thing: Any) -> Node | None:
        """Return the node of *thing* if it was made here."""
        return next((node for node in self.made if node.thing is thing), None)


@contextmanager
def watched_creations(dag: Any, tell: Callable[[Attempt, Notes], None]) -> Iterator[None]:
    """
    Tell what each task and each callback has made as soon as it has ended, whichever engine calls it.

    The callbacks of *dag* itself are replaced on the object, so that no engine need say when it calls them.
    """
    with ExitStack() as stack:
        watch = _Watch(tell, stack)
        for owner, name, hear in watch.list_events():
            stack.enter_context(replaced(owner, name, _listening(getattr(owner, name), hear)))
        for name in ("on_success_callback", "on_failure_callback"):
            if callbacks := getattr(dag, name):
                enclose = functools.partial(watch.enclose, "dag")
                callbacks = callbacks if isinstance(callbacks, list) else [callbacks]
                stack.enter_context(replaced(dag, name, [_listening(each, enclose) for each in callbacks]))
        yield


def _listening(original: Any, hear: Callable[..., Any]) -> Any:
    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        return hear(original, *args, **kwargs)

    return call


class _Watch:
    """What stands in for Airflow's functions: calls them, and takes notes while a window is open."""

    def __init__(self, tell: Callable[[Attempt, Notes], None], stack: ExitStack) -> None:
        self.tell, self.stack = tell, stack
        self.airflow = _find_airflow()
        self.notes: Notes | None = None
        self.classes: set[Any] = set()

    def list_events(self) -> Iterator[tuple[Any, str, Callable[..., Any]]]:
        """Yield owner and name of each function of Airflow's, with what is called in its place."""
        airflow = self.airflow
        # Airflow 3.0 has a subclass of the DAG with an __init__ of its own.
        last = "__attrs_post_init__" if hasattr(airflow.dag, "__attrs_post_init__") else "__init__"
        yield type(airflow.operator), "__call__", self.hear_making
        yield airflow.mapped_operator, "__attrs_post_init__", self.hear_making
        yield airflow.dag, last, self.hear_making
        yield airflow.dag, "add_task", self.hear_joining
        yield airflow.node, "_set_relatives", self.hear_linking
        yield airflow.xcom, "serialize_value", self.hear_storing
        yield *airflow.task, functools.partial(self.enclose, "task")
        yield *airflow.callback, functools.partial(self.enclose, "callback")

    def enclose(self, kind: Any, original: Any, *args: Any, **kwargs: Any) -> Any:
        """Open a window for what is called with a task instance or a context, then tell what was noted in it."""
        outer, self.notes = self.notes, (notes := Notes())
        try:
            return original(*args, **kwargs)
        finally:
            self.notes = outer
            if notes:
                given = args[0] if args else kwargs.get("ti", kwargs.get("context"))
                self.tell(_find_attempt(kind, given), notes)

    def hear_making(self, original: Any, made: Any, *args: Any, **kwargs: Any) -> Any:
        """Note what its class or its last step makes; what that makes in turn is part of it."""
        notes, self.notes = self.notes, None
        own = any(kwargs.get(name) for name in _AIRFLOWS_OWN)
        place = None if notes is None or own else self.find_place()
        thing = None
        try:
            result = original(made, *args, **kwargs)
            thing = made if result is None else result
            return result
        finally:
            self.notes = notes
            if notes is not None and place is not None:
                notes.made.append(node := self.describe(made if thing is None else thing, kwargs))
                node.place = place
                self.watch_use(type(thing))

    def hear_joining(self, original: Any, dag: Any, task: Any) -> Any:
        """Note an operator that goes into a DAG and was made elsewhere."""
        if self.notes is not None and not self.notes.find(task) and (place := self.find_place()):
            self.notes.made.append(node := self.describe(task))
            node.place, node.elsewhere = place, True
        return original(dag, task)

    def hear_linking(
        self, original: Any, node: Any, others: Any, upstream: bool = False, **kwargs: Any
    ) -> None:
        """Note the neighbours that a task has got."""
        ids = node.upstream_task_ids if upstream else node.downstream_task_ids
        before = set(ids)
        original(node, others, upstream, **kwargs)
        if self.notes is not None and (place := self.find_place()):
            for other in sorted(ids - before):
                self.notes.edges[(other, node.node_id) if upstream else (node.node_id, other)] = place

    def hear_storing(self, original: Any, *args: Any, **kwargs: Any) -> Any:
        """Note the operators in an XCom that is refused, and in one that may hold any."""
        error: BaseException | None = None
        try:
            return original(*args, **kwargs)  # as it came: Airflow 2 calls some backends by keywords alone
        except Exception as refused:
            error = refused
            raise
        finally:
            # JSON cannot hold an operator. What can is looked into, and what comes from a task that has made one.
            if self.notes is not None and (error or self.notes or self.airflow.stores_anything):
                key = str(kwargs.get("key") or "return_value")
                for found in _find_in(args[0] if args else kwargs["value"], self.airflow.kinds):
                    thing = getattr(found, "operator", found)
                    self.notes.pushes.append((key, self.notes.find(thing) or self.describe(thing), error))

    def watch_use(self, cls: Any) -> None:
        """Notice, until the run is over, whether an operator of a class is used on the spot."""
        if cls not in self.classes:
            self.classes.add(cls)
            for name in filter(functools.partial(hasattr, cls), _USES):
                self.stack.enter_context(replaced(cls, name, _listening(getattr(cls, name), self.hear_use)))

    def hear_use(self, original: Any, operator: Any, *args: Any, **kwargs: Any) -> Any:
        """Note that an operator that was made here is used."""
        if self.notes is not None and (node := self.notes.find(operator)):
            node.used = True
        return original(operator, *args, **kwargs)

    def find_place(self) -> Location | None:
        """
        Return the innermost line of the user's within the window.

        None: there is none, or something is being imported, parsed or deserialised, which makes DAGs and operators
        as well and is no fault.
        """
        place: Location | None = None
        frame: FrameType | None = sys._getframe()  # noqa: SLF001 - the only way to tell which line it is
        while frame is not None and frame.f_code is not _Watch.enclose.__code__:
            file, module = frame.f_code.co_filename, frame.f_globals.get("__name__") or ""
            if frame.f_code.co_name == "<module>" or module.startswith(_PARSERS):
                return None
            if place is None and not file.startswith(("<", *LIBRARIES)):
                place = Location(file, frame.f_lineno)
            frame = frame.f_back
        return place

    def describe(self, thing: Any, arguments: Mapping[str, Any] | None = None) -> Node:
        """Describe an operator, the class of one that could not be made, or a DAG."""
        if isinstance(thing, self.airflow.dag):
            return Node(thing.dag_id, type(thing).__name__, thing, "dag")
        if isinstance(thing, self.airflow.mapped_operator):
            return _describe_mapped(thing)
        made, thing = (thing, None) if isinstance(thing, type) else (type(thing), thing)
        given = arguments or getattr(thing, "_BaseOperator__init_kwargs", {})
        name = str(getattr(thing, "task_id", None) or given.get("task_id", "?"))
        function = given.get("python_callable") if _is_decorated(made) else None
        return Node(name, (function or made).__name__, thing, "operator", bool(function), dict(given))


def _describe_mapped(node: Any) -> Node:
    given = node._get_specified_expand_input().value  # noqa: SLF001 - alike in both families
    held = dict(node.partial_kwargs)
    if _is_decorated(node.operator_class):
        function = getattr(node, "python_callable", None) or held["python_callable"]
        return Node(node.task_id, function.__name__, node, "mapped", True, held.get("op_kwargs") or {}, given)
    # What every operator has, `partial` fills in, whoever set it; Airflow 3.0 has two of them, one above the other.
    bases = [each for each in node.operator_class.__mro__ if each.__name__ == "BaseOperator"]
    common = {name for base in bases for name in inspect.signature(base.__init__).parameters}
    own = {name: value for name, value in held.items() if name not in common and value not in (None, [], {})}
    return Node(node.task_id, node.operator_class.__name__, node, "mapped", False, own, given)


def _is_decorated(operator_class: Any) -> bool:
    return any(base.__name__ == "DecoratedOperator" for base in operator_class.__mro__)


def _find_attempt(kind: Any, given: Any) -> Attempt:
    if kind == "dag":
        return Attempt("", -1, 0, kind)
    ti = given["ti"] if isinstance(given, Mapping) else given
    return Attempt(*key_of(ti), ti.try_number or 0, kind)


def _find_in(value: Any, wanted: tuple[type, ...]) -> Iterator[Any]:
    """Yield the instances of *wanted* in *value*, however deep in lists and dicts."""
    waiting, seen = [value], set()
    while waiting:
        one = waiting.pop()
        if isinstance(one, wanted):
            yield one
        elif isinstance(one, (dict, list, tuple, set, frozenset)) and id(one) not in seen:
            seen.add(id(one))
            waiting.extend(reversed(list(one.values() if isinstance(one, dict) else one)))


def _find_airflow() -> SimpleNamespace:
    """Find what both families have; *task* and *callback* get a task instance or a context."""
    from airflow.configuration import conf

    try:
        from airflow.sdk import DAG, BaseOperator, XComArg
        from airflow.sdk.bases.xcom import BaseXCom
        from airflow.sdk.definitions._internal.node import DAGNode
        from airflow.sdk.definitions.mappedoperator import MappedOperator
        from airflow.sdk.execution_time import task_runner as runner

        windows: dict[str, Any] = {"task": (runner, "run"), "callback": (runner, "finalize")}
    except ImportError:
        from airflow.models import taskinstance as runner
        from airflow.models.baseoperator import BaseOperator
        from airflow.models.dag import DAG
        from airflow.models.mappedoperator import MappedOperator
        from airflow.models.taskmixin import DAGNode
        from airflow.models.xcom import BaseXCom
        from airflow.models.xcom_arg import XComArg

        work, callback = (runner.TaskInstance, "_run_raw_task"), (runner, "_run_finished_callback")
        windows = {"task": work, "callback": callback}
    pickles = conf.getboolean("core", "enable_xcom_pickling", fallback=False)
    return SimpleNamespace(
        operator=BaseOperator,
        mapped_operator=MappedOperator,
        dag=DAG,
        node=DAGNode,
        xcom=runner.XCom,
        kinds=(BaseOperator, MappedOperator, DAG, XComArg),
        stores_anything=pickles or runner.XCom is not BaseXCom,
        **windows,
    )
