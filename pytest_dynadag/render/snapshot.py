"""Snapshots: what a DAG is or becomes, as a small text file that reads well in a pull request."""

# One thing a line, so that a change of one thing changes one line; nothing that differs between Airflow versions,
# machines and checkouts. Equal expansions have equal snapshots: what has no meaning in a comparison (the order of
# tasks, of a dict's keys, a tuple against a list) is not in the text. Kept true by tests/render/test_snapshot.py.

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Protocol, TypeAlias

from pytest_dynadag.graph.canonical import Opaque
from pytest_dynadag.graph.edges import ALL, Dependency
from pytest_dynadag.graph.expansion import Expansion, Instance, TaskExpansion
from pytest_dynadag.graph.structure import Group, Structure, Task
from pytest_dynadag.render.values import ValueWriter, digest_text, write_name
from pytest_dynadag.secrecy import find_secrets

FORMAT = 1
"""Version of the text form; another one is another snapshot."""
TITLE = f"pytest-dynadag snapshot {FORMAT}"
MOST_INSTANCES = 20
"""Of one task; more are folded to the first, the last, and how many with which digest stand between them."""


class Run(Protocol):
    """What a snapshot needs to know of a run."""

    @property
    def state(self) -> str:
        """How the run ended."""

    @property
    def expansion(self) -> Expansion:
        """What was observed."""

    @property
    def secrets(self) -> frozenset[str]:
        """What was given to it and nobody may read."""


Subject: TypeAlias = "Expansion | Structure | Run"


def write_snapshot(subject: Subject, *, given: str = "", root: str = "") -> str:
    """
    Write the snapshot of a plan, a run or a structure.

    Args:
        subject: An `Expansion`; a `Run`, whose states are written too; or a `Structure`.
        given: A digest of what was given, where it is not the expansion's own.
        root: The project's folder: paths in it are written from `<root>` on.

    Raises:
        TypeError: It is none of these.
    """
    if isinstance(subject, Structure):
        return _join(_write_structure(subject, root))
    if isinstance(subject, Expansion):
        return _join(_write_expansion(subject, "plan", given or subject.given, root, states=False))
    if isinstance(getattr(subject, "expansion", None), Expansion):
        title = f"run: {write_name(subject.state)}"
        observed = subject.expansion
        known = subject.secrets
        written = _write_expansion(observed, title, given or observed.given, root, states=True, secrets=known)
        return _join(written)
    raise TypeError(f"a snapshot is taken of an Expansion, a Run or a Structure, not of {subject!r:.80}")


def digest_given(sections: Mapping[str, Any]) -> str:
    """Give a digest of what was given, section by section; of its secrets no more than that there are some."""
    said = {name: value for name, value in sections.items() if value}
    return digest_text(ValueWriter().value(said)) if said else ""


def _join(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _write_head(dag_id: str, title: str, given: str = "") -> list[str]:
    return [TITLE, f"dag: {write_name(dag_id)}", title, *([f"given: {given}"] if given else [])]


def _write_section(name: str, lines: Iterable[str]) -> Iterator[str]:
    """Give a section whose lines have no order; none where it is empty."""
    if ordered := sorted(lines):
        yield from ("", f"[{name}]", *ordered)


# -- plans and runs -----------------------------------------------------------------------------------------


def _write_expansion(
    expansion: Expansion,
    title: str,
    given: str,
    root: str,
    *,
    states: bool,
    secrets: frozenset[str] = frozenset(),
) -> Iterator[str]:
    found = (secret for task in expansion for inputs in task.inputs for secret in find_secrets(inputs))
    write = ValueWriter(root, secrets.union(found))
    yield from _write_head(expansion.dag_id, title, given)
    yield from ("", "[tasks]")
    for task in sorted(expansion, key=lambda task: task.task_id):
        yield from _write_task_expansion(write, task, states=states)
    yield from _write_section("dependencies", map(_write_dependency, expansion.dependencies))


def _write_task_expansion(write: ValueWriter, task: TaskExpansion, *, states: bool) -> Iterator[str]:
    ends = Counter(task.states)
    parts = [f"{'?' if task.count is None else task.count} mapped"] if task.mapped else []
    if states or set(ends) - {"success"}:
        parts += [f"{number} {state}" if len(ends) > 1 else state for state, number in sorted(ends.items())]
    yield f"{write_name(task.task_id)}: {', '.join(parts)}" if parts else write_name(task.task_id)
    if task.mapped and task.count:
        lines = (_write_instance(write, instance, mixed=len(ends) > 1) for instance in task)
        yield from (f"  {line}" for line in _fold(lines, task.count))


def _write_instance(write: ValueWriter, instance: Instance, *, mixed: bool) -> str:
    label = [write.value(instance.label)] if instance.label is not None else []
    inputs = [write.arguments(instance.inputs)] if instance.inputs else []
    state = [instance.state] if mixed else []
    return " ".join([*label, *inputs, f"#{instance.index}", *state])


def _fold(lines: Iterator[str], number: int) -> Iterator[str]:
    if number <= MOST_INSTANCES:
        yield from lines
        return
    yield next(lines)
    yield f"... {number - 2} more, {digest_text(chr(10).join(islice(lines, number - 2)))}"
    yield next(lines)


def _write_dependency(dependency: Dependency) -> str:
    single = max(dependency.upstream.number, dependency.downstream.number) <= 1  # as in Dependency.canonical
    upstream, downstream = write_name(dependency.upstream.task_id), write_name(dependency.downstream.task_id)
    return f"{upstream} -> {downstream}: {ALL if single else dependency.kind}"


# -- structures ---------------------------------------------------------------------------------------------

_SETTINGS = ("dagrun_timeout", "default_args", "description", "end_date", "params", "start_date", "tags")
"""Settings whose defaults are the same in every Airflow; the schedule is written in a way of its own."""

SHARED_ARGUMENTS: Mapping[str, Any] = {
    "depends_on_past": False,
    "email": None,
    "execution_timeout": 0.0,
    "executor": None,
    "max_active_tis_per_dag": None,
    "max_active_tis_per_dagrun": None,
    "owner": "airflow",
    "pool": "default_pool",
    "pool_slots": 1,
    "post_execute": None,
    "pre_execute": None,
    "priority_weight": 1,
    "queue": "default",
    "retry_delay": 300.0,
    "run_as_user": None,
    "task_concurrency": None,
    "wait_for_downstream": False,
}
"""Arguments of every operator that are written where they differ from their default (times in seconds)."""

IGNORED_ARGUMENTS = frozenset(
    """
    allow_nested_operators dag default_args do_xcom_push doc doc_json doc_md doc_rst doc_yaml email_on_failure
    email_on_retry end_date executor_config has_on_execute_callback has_on_failure_callback has_on_retry_callback
    has_on_skipped_callback has_on_success_callback is_setup is_teardown on_failure_fail_dagrun ignore_first_depends_on_past inlets kwargs_to_upstream logger_name
    map_index_template max_retry_delay multiple_outputs on_execute_callback on_failure_callback on_retry_callback
    on_skipped_callback on_success_callback outlets params render_template_as_native_obj render_template_fields
    resources retries retry_exponential_backoff retry_policy sla start_date task_display_name task_group task_id
    trigger_rule wait_for_past_depends_before_skipping weight_rule returns_dag_result start_from_trigger
    """.split()  # noqa: SIM905 - a list of words
)
"""Arguments of every operator that a snapshot leaves out: they differ between Airflow versions, or stand elsewhere."""


def _write_structure(structure: Structure, root: str) -> Iterator[str]:
    held = (structure.settings, *(task.arguments for task in structure.tasks))
    write = ValueWriter(root, frozenset(secret for value in held for secret in find_secrets(value)))
    yield from _write_head(structure.dag_id, "structure")
    yield from ("", "[settings]", f"schedule: {_write_schedule(structure.settings)}")
    for name in _SETTINGS:
        if value := structure.settings.get(name):
            yield f"{name}: {write.value(value)}"
    yield from _write_section("groups", (_write_group(write, group) for group in structure.groups))
    yield from ("", "[tasks]")
    for task in sorted(structure.tasks, key=lambda task: task.task_id):
        yield from _write_task(write, task)
    pairs = ((write_name(up), write_name(task.task_id)) for task in structure.tasks for up in task.upstream)
    yield from _write_section("dependencies", (f"{up} -> {down}" for up, down in pairs))


def _write_schedule(settings: Mapping[str, Any]) -> str:
    """Write what a timetable says of itself: its class is another one in Airflow 3 for the same schedule."""
    kind, _, summary = str(settings.get("timetable", "")).partition(" ")
    if kind in {"NullTimetable", ""}:
        return "none"
    return write_name(re.sub("^Dataset", "Asset", summary or kind))


def _write_group(write: ValueWriter, group: Group) -> str:
    over = f": over {write.mapping(group.mapping)}" if group.mapping else ""
    return f"{write_name(group.group_id)}{over}"


def _write_task(write: ValueWriter, task: Task) -> Iterator[str]:
    over = f" over {write.mapping(task.mapping)}" if task.mapping else ""
    yield f"{write_name(task.task_id)}: {write_name(task.operator)}{over}"
    arguments = ((k, write.argument(k, value)) for k, value in task.arguments.items() if _is_own(k, value))
    for name, value in sorted((*_describe_task(write, task), *arguments)):
        yield f"  {write_name(name)}: {value}"


def _describe_task(write: ValueWriter, task: Task) -> Iterator[tuple[str, str]]:
    """Give what is not as it is for most tasks."""
    if task.group_id is not None:
        yield "group", write_name(task.group_id)
    if task.map_index_template is not None:
        yield "map_index_template", write.value(task.map_index_template)
    if task.trigger_rule != "all_success":
        yield "trigger_rule", write_name(task.trigger_rule)
    if task.retries:
        yield "retries", str(task.retries)
    if task.skips:
        yield "skips", write_name(task.skips)
    if not task.pushes_output:
        yield "do_xcom_push", "false"
    for name in ("multiple_outputs", "is_setup", "is_teardown"):
        if getattr(task, name):
            yield name, "true"


def _is_own(name: str, value: Any) -> bool:
    """Tell whether an argument says something of this task, and says it in every Airflow."""
    empty = isinstance(value, (dict, list, tuple, set, frozenset)) and not value
    if name in IGNORED_ARGUMENTS or value is None or empty:
        return False
    seconds = value.total_seconds() if hasattr(value, "total_seconds") else value
    return isinstance(value, Opaque) or name not in SHARED_ARGUMENTS or seconds != SHARED_ARGUMENTS[name]
