"""Known Airflow defects (DYN305): where a DAG meets one, the plan says what Airflow really does, and a finding says so."""

# One function per defect: it looks at what became of the tasks and yields whom it hits, and is asked only for versions
# that have the defect. Each was seen in real runs of the versions it names; an issue number stands where one was found.

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from pytest_dynadag.findings import Finding
from pytest_dynadag.graph.behaviour import Behaviour, behaviour_of
from pytest_dynadag.graph.expansion import TaskExpansion
from pytest_dynadag.graph.sources import Concat, Map, Output, Product, Source, Zip, iterate_references
from pytest_dynadag.graph.structure import Group, Structure, Task


@dataclass(frozen=True, slots=True)
class Scene:
    """
    What a defect is looked for in: the structure, what its tasks became, and the rules of its version.

    *disputed* names tasks that two dependencies end differently in one pass, *unpushed* branches that left no output;
    *by_position* leads from a mapped task or group to the method that it applies to a dict; *uncounted* names tasks
    that are skipped because nothing above them is counted; *prevented* leads from a task that could not start to the
    mapped group above it whose length was not known.
    """

    structure: Structure
    behaviour: Behaviour
    tasks: Mapping[str, TaskExpansion]
    disputed: Collection[str]
    unpushed: Collection[str]
    by_position: Mapping[str, str]
    uncounted: Collection[str]
    prevented: Mapping[str, str]

    def runs(self, task: Task) -> bool:
        """Tell whether any instance of *task* runs, or may."""
        return self.tasks[task.task_id].count != 0


Hit = tuple[str, str, str]
"""The id of the task or group that a defect hits, what happens, and what to do."""


@dataclass(frozen=True, slots=True)
class Defect:
    """
    A known defect.

    Attributes:
        what: What a DAG must have to meet it, and what Airflow then does, in a clause.
        find: Gives whom it hits in a scene.
        issue: Where it is reported to Airflow; empty where no report was found.
        is_in: Tells whether an Airflow version that behaves so has it.
    """

    what: str
    find: Callable[[Scene], Iterator[Hit]]
    issue: str = ""
    is_in: Callable[[Behaviour], bool] = lambda behaviour: True

    def __str__(self) -> str:
        return f"{self.what} ({self.issue})" if self.issue else self.what


def list_defects(version: str) -> tuple[Defect, ...]:
    """Give the known defects of an Airflow *version* such as `2.11.2`."""
    behaviour = behaviour_of(version)
    return tuple(defect for defect in DEFECTS if defect.is_in(behaviour))


def find_defects(scene: Scene) -> Iterator[Finding]:
    """Give a finding for each known defect that the DAG meets in the structure's version of Airflow."""
    for defect in DEFECTS:
        for owner, message, remedy in defect.find(scene) if defect.is_in(scene.behaviour) else ():
            place = scene.structure.location_of(owner)
            yield Finding("DYN305", scene.structure.dag_id, place, message, remedy)


def _find_deaf_branches(scene: Scene) -> Iterator[Hit]:
    for task in scene.structure.tasks:
        inside = task.mapping is None and scene.structure.mapped_groups_around(task)
        if task.skips and inside and scene.structure.downstream[task.task_id] and scene.runs(task):
            kind = "branch" if task.skips == "branch" else "short circuit"
            yield (
                task.task_id,
                (
                    f"the {kind} {task.task_id} stands in a mapped group, where Airflow 3.2 and 3.3 skip nothing:"
                    " all tasks below it run (apache/airflow#67265)"
                ),
                "let the tasks below it skip themselves, or choose before the group",
            )


def _find_branches_past_indexes(scene: Scene) -> Iterator[Hit]:
    structure = scene.structure
    for decider in structure.tasks:
        if not decider.skips or structure.is_mapped(decider):
            continue
        reached = scene.behaviour.branch_reaches_indexes and decider.skips != "branch"
        for name in () if reached else structure.downstream[decider.task_id]:
            if (
                scene.tasks[name].mapped
                and scene.tasks[name].count
                and _is_written(structure, structure[name])
            ):
                yield (
                    name,
                    (
                        f"{name} is mapped over a literal, so {decider.task_id} cannot skip it: Airflow before 3.2"
                        " runs its instances whatever was chosen"
                    ),
                    "return the literal from a task, and map over that",
                )


def _is_written(structure: Structure, task: Task) -> bool:
    owners = (owner for owner, _ in structure.mappings_of(task))
    return not any(structure.sources[owner] for owner in owners)


def _find_concat_in_product(scene: Scene) -> Iterator[Hit]:
    groups = ((group.group_id, group.mapping) for group in scene.structure.groups)
    for owner, mapping in [*((task.task_id, task.mapping) for task in scene.structure.tasks), *groups]:
        arguments = mapping.arguments[1:] if isinstance(mapping, Product) else ()
        for name, source in arguments:
            if _concatenates(source) and _loses_indexes(scene, owner):
                yield (
                    owner,
                    (
                        f"{name} of {owner} is a .concat() and not the first argument of expand(): Airflow 3 counts it"
                        " too long, and every index past the first block fails with IndexError"
                    ),
                    f"write {name} first in expand()",
                )


def _loses_indexes(scene: Scene, owner: str) -> bool:
    structure = scene.structure
    mapped = (t for t in structure.tasks if owner in (name for name, _ in structure.mappings_of(t)))
    return any("failed" in scene.tasks[task.task_id].states for task in mapped)


def _concatenates(source: Source) -> bool:
    if isinstance(source, Map):
        return _concatenates(source.source)
    return isinstance(source, Concat) or (
        isinstance(source, Zip) and any(_concatenates(s) for s in source.sources)
    )


def _find_nested_groups(scene: Scene) -> Iterator[Hit]:
    structure = scene.structure
    for group in structure.groups:
        outer = _mapped_group_around(structure, group)
        if group.mapping is None or outer is None:
            continue
        wrong = ", ".join(_describe_nesting(scene, group, outer)) or "nothing that was looked for"
        yield (
            group.group_id,
            (
                f"the mapped group {group.group_id} stands in the mapped group {outer.group_id}, which Airflow accepts"
                f" and does not support; wrong here: {wrong} (apache/airflow#30021)"
            ),
            "make the combinations in a task, and map one group over them",
        )


def _mapped_group_around(structure: Structure, group: Group) -> Group | None:
    parent = group.parent
    while parent is not None:
        if structure.groups_by_id[parent].mapping:
            return structure.groups_by_id[parent]
        parent = structure.groups_by_id[parent].parent
    return None


def _describe_nesting(scene: Scene, inner: Group, outer: Group) -> Iterator[str]:
    structure = scene.structure
    inside = {t.task_id for t in structure.tasks if inner in structure.groups_around(t)}
    between = {t.task_id for t in structure.tasks if outer in structure.groups_around(t)} - inside
    if any(structure[name].uses_argument(outer.group_id) for name in inside):
        yield f"tasks inside get the argument of {outer.group_id} of another index"
    if scene.behaviour.concat_counts_whole and any(_reads(structure[name], between) for name in inside):
        yield f"tasks inside read other indexes of {outer.group_id}, or None"
    if any(_reads(structure[name], inside) for name in between):
        yield f"tasks of {outer.group_id} lose part of what {inner.group_id} returned"


def _reads(task: Task, names: Collection[str]) -> bool:
    outputs = (r for r in iterate_references(task.arguments) if isinstance(r, Output))
    return any(output.task_id in names for output in outputs)


def _find_silent_branches(scene: Scene) -> Iterator[Hit]:
    for name in scene.unpushed:
        for owner in scene.structure.mapped_over.get(name, ()):
            yield (
                owner,
                (
                    f"{owner} is mapped over {name}, which skips something and then leaves no output in Airflow 3:"
                    f" {owner} is never expanded, and ends upstream_failed"
                ),
                "map over a task of its own that returns the list",
            )


def _find_early_rules(scene: Scene) -> Iterator[Hit]:
    for task in scene.structure.tasks:
        early = task.mapping is not None and task.trigger_rule in ("one_success", "one_failed", "one_done")
        sources = [n for n in scene.structure.sources_of(task) if scene.structure[n].mapping] if early else []
        if sources and (scene.tasks[task.task_id].count or 0) > 0:
            yield (
                task.task_id,
                (
                    f"{task.task_id} has trigger rule {task.trigger_rule} and is mapped over the mapped {sources[0]}:"
                    f" dag.test() expands it, but a deployment's scheduler meets the rule before every instance of"
                    f" {sources[0]} has ended, and then ends {task.task_id} upstream_failed (apache/airflow#29202)"
                ),
                "use a rule that waits for all of them, such as all_done or none_failed",
            )


def _find_disputes(scene: Scene) -> Iterator[Hit]:
    for name in scene.disputed:
        yield (
            name,
            (
                f"{name} is to be skipped and to be upstream_failed at once: which of them Airflow makes of it depends"
                " on memory addresses, and changes from process to process (ti_deps/deps, a set that is iterated)"
            ),
            f"let nothing rest on how {name} ends, or change its trigger rule",
        )


def _find_dicts_by_position(scene: Scene) -> Iterator[Hit]:
    for owner, method in scene.by_position.items():
        lost = (
            "every index fails with KeyError"
            if method == ".map()"
            else "each item is NOTSET, or the fill value"
        )
        yield (
            owner,
            f"{owner} is mapped over {method} of a dict, which Airflow looks up by position: {lost}",
            "return a list of pairs",
        )


def _find_uncounted(scene: Scene) -> Iterator[Hit]:
    for name in scene.uncounted:
        rule = scene.structure[name].trigger_rule
        if scene.behaviour.runs_what_it_skips:
            what = (
                "Airflow 3.0 to 3.2 skips it before the tasks above it have ended, runs it all the same, and leaves a removed"
                " row, for which the tasks below may wait for ever"
            )
        else:
            what = (
                "Airflow before 3.3 skips it before the tasks above it have ended, whatever becomes of them"
            )
        yield (
            name,
            f"{name} stands in a mapped group with trigger rule {rule}: {what} (apache/airflow#39801)",
            "use none_failed, or map the group over a literal",
        )


def _find_prevented(scene: Scene) -> Iterator[Hit]:
    for name, group in scene.prevented.items():
        yield (
            name,
            (
                f"{name} is to run although the mapped group {group} above it has no length: Airflow 3.0 cannot start it,"
                " and it fails (apache/airflow#52730)"
            ),
            f"let what {group} is mapped over return an empty list, or move to the newest Airflow 3.1",
        )


DEFECTS = (
    Defect(
        "a branch or short circuit in a mapped group skips nothing",
        _find_deaf_branches,
        "apache/airflow#67265",
        lambda behaviour: not (behaviour.branch_found_by_own_index or behaviour.branch_found_in_groups),
    ),
    Defect(
        "a branch or short circuit does not skip a task that is mapped over a literal",
        _find_branches_past_indexes,
        is_in=lambda behaviour: behaviour.branch_found_by_own_index,
    ),
    Defect(
        "a .concat() that is not the first argument of expand() is counted too long",
        _find_concat_in_product,
        is_in=lambda behaviour: behaviour.concat_counts_whole,
    ),
    Defect(
        "a mapped group in a mapped group gets wrong arguments, or loses outputs",
        _find_nested_groups,
        "apache/airflow#30021",
    ),
    Defect(
        "a branch or short circuit that skips something leaves no output to map over",
        _find_silent_branches,
        is_in=lambda behaviour: behaviour.skipping_branch_pushes_nothing,
    ),
    Defect(
        "a rule that waits for one instance, over a mapped source, is met before the source has ended",
        _find_early_rules,
        "apache/airflow#29202",
    ),
    Defect(
        "a task that is to be skipped and upstream_failed at once ends as memory addresses have it",
        _find_disputes,
    ),
    Defect(
        "a dict under .map() or .zip() is looked up by position",
        _find_dicts_by_position,
    ),
    Defect(
        "none_failed_min_one_success in a mapped group skips before the tasks above have ended",
        _find_uncounted,
        "apache/airflow#39801",
        lambda behaviour: "none_failed_min_one_success" not in behaviour.eager_rules,
    ),
    Defect(
        "a task that runs below a mapped group without a length cannot be started",
        _find_prevented,
        "apache/airflow#52730",
        lambda behaviour: behaviour.starts_need_lengths,
    ),
)
"""Every known defect, of whichever version."""


def find_shared_labels(structure: Structure, tasks: Mapping[str, TaskExpansion]) -> Iterator[Finding]:
    """Give a finding (DYN304) for each task of which two instances have the same label."""
    for expansion in tasks.values():
        seen: dict[str, int] = {}
        for index, label in enumerate(expansion.labels):
            if isinstance(label, str) and label in seen:
                name = expansion.task_id
                message = f"{name}[{seen[label]}] and {name}[{index}] share the label {label!r}"
                remedy = "let map_index_template tell them apart, with ti.map_index if nothing else does"
                place = structure.location_of(name)
                yield Finding("DYN304", structure.dag_id, place, message, remedy)
                break
            if isinstance(label, str):
                seen[label] = index
