"""Sizes: what a structure becomes when its run-time sources are empty, single, few, many, or too many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from pytest_dynadag.errors import ArgumentError
from pytest_dynadag.findings import Finding
from pytest_dynadag.graph.expansion import UNKNOWN, Expansion, TaskExpansion
from pytest_dynadag.graph.given import Given
from pytest_dynadag.graph.mermaid import draw_together
from pytest_dynadag.graph.notebook import bundle, to_html
from pytest_dynadag.graph.planner import Labeller, plan
from pytest_dynadag.graph.states import BAD, FAILED, SKIPPED
from pytest_dynadag.graph.structure import Structure, Task
from pytest_dynadag.graph.text import to_text

LENGTHS = (0, 1, 2, 5)
"""Nothing, one (where a scalar is easily taken for a list), a few, and more than a few."""

_OTHERS = 2
"""How long the other sources are while one is varied: long enough to see a product."""

NOT_MEANT = frozenset(["DYN301", "DYN302", "DYN303", "DYN304"])
"""Rules about what nobody can have meant; other findings are worth knowing."""


class Sizes(dict[str, Expansion]):
    """What becomes of a DAG at each size: name to expansion, see `plan_sizes`."""

    def to_text(self) -> str:
        """Write each for people, one below the other; see `graph.text`."""
        return "\n\n".join(to_text(each, title=f"{each.dag_id}, {name}") for name, each in self.items())

    def to_mermaid(self) -> str:
        """Write all as one Mermaid flowchart, each in a box; see `graph.mermaid`."""
        return draw_together(self)

    def _repr_html_(self) -> str:
        """Show each as a table in a notebook; see `graph.notebook`."""
        return "".join(to_html(each, title=f"{each.dag_id}, {name}") for name, each in self.items())

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Give a notebook every form it may show: tables, a drawing, text."""
        return bundle(self)


def plan_sizes(
    structure: Structure,
    lengths: Iterable[int] = LENGTHS,
    *,
    given: Given | None = None,
    label: Labeller | None = None,
) -> Sizes:
    """
    Plan *structure* for every combination of lengths worth looking at.

    Args:
        structure: The DAG as written.
        lengths: How long each run-time source is made, one source at a time while the others have two items.
        given: What else a run would know; sources given there are not varied.
        label: See `plan`.

    Returns:
        Name to expansion: `list_regions=0`, and so on; with several sources also `all=0` and so on. A DAG
        without run-time sources has one plan, `as written`.

    Raises:
        ArgumentError: A length below 0.
    """
    given = given or Given()
    sources = [source for source in runtime_sources(structure) if source not in given.outputs]
    lengths = tuple(lengths)
    for length in lengths:
        if length < 0:
            raise ArgumentError("lengths", length, "numbers of elements, none of them below 0")
    wanted: dict[str, dict[str, int]] = {}
    for source in sources:
        wanted.update({f"{source}={n}": {**dict.fromkeys(sources, _OTHERS), source: n} for n in lengths})
    if len(sources) > 1:
        wanted.update({f"all={n}": dict.fromkeys(sources, n) for n in lengths})
    return Sizes(
        (name, plan(structure, _with_lengths(structure, given, sized), strict=False, label=label))
        for name, sized in (wanted or {"as written": {}}).items()
    )


def runtime_sources(structure: Structure) -> tuple[str, ...]:
    """Give the plain tasks whose outputs decide a length at run time, in the structure's order."""
    return tuple(
        task.task_id
        for task in structure.tasks
        if task.task_id in structure.mapped_over and not structure.is_mapped(task)
    )


def _with_lengths(structure: Structure, given: Given, lengths: Mapping[str, int]) -> Given:
    """Give every source items that nothing is known about, of a mapped one an output per instance."""
    mapped = [t.task_id for t in structure.tasks if t.task_id in structure.mapped_over and t.mapping]
    outputs: dict[str, Any] = dict.fromkeys(mapped, lambda inputs: UNKNOWN)
    outputs.update({source: [UNKNOWN] * length for source, length in lengths.items()})
    return Given({**outputs, **given.outputs}, given.keyed, given.params, given.conf, given.max_map_length)


@dataclass(frozen=True, slots=True)
class Outlook:
    """
    What becomes of a DAG at every size.

    Attributes:
        plans: The plans by name, see `plan_sizes`.
        lines: What happens to whom at each size, in words.
        problems: Findings about what nobody can have meant.
        notes: Findings worth knowing, such as known defects of Airflow.
    """

    plans: Mapping[str, Expansion]
    lines: tuple[str, ...]
    problems: tuple[Finding, ...]
    notes: tuple[Finding, ...]

    def __repr__(self) -> str:
        return f"<Outlook: {len(self.plans)} plans, {len(self.problems)} problems, {len(self.notes)} notes>"


def look_ahead(
    structure: Structure,
    lengths: Iterable[int] = LENGTHS,
    *,
    given: Given | None = None,
    label: Labeller | None = None,
) -> Outlook:
    """
    Plan *structure* at every size, and each run-time source once with one element more than `max_map_length`.

    That one is told, not counted as a problem: any source can grow too long.

    Args:
        structure: The DAG as written.
        lengths: See `plan_sizes`.
        given: See `plan_sizes`.
        label: See `plan`.
    """
    given = given or Given()
    plans = plan_sizes(structure, lengths, given=given, label=label)
    found = list(dict.fromkeys(finding for expansion in plans.values() for finding in expansion.findings))
    too_many = given.max_map_length + 1
    sources = [source for source in runtime_sources(structure) if source not in given.outputs]
    for source in sources:
        known = _with_lengths(structure, given, {**dict.fromkeys(sources, _OTHERS), source: too_many})
        plans[f"{source}={too_many}"] = plan(structure, known, strict=False, label=label)
    return Outlook(
        plans=plans,
        lines=tuple(tell_size(structure, name, expansion) for name, expansion in plans.items()),
        problems=tuple(finding for finding in found if finding.rule in NOT_MEANT),
        notes=tuple(finding for finding in found if finding.rule not in NOT_MEANT),
    )


def tell_size(structure: Structure, name: str, expansion: Expansion) -> str:
    """
    Say in words what happens to whom in one of the plans of `plan_sizes`.

    For example: `with 0 from list_regions: load is skipped, so report is skipped: trigger rule all_success`.
    """
    source, _, length = name.rpartition("=")
    head = f"with {length} from {'every source' if source == 'all' else source}" if source else name
    tasks = _from(structure, source) if source in structure.by_id else structure.tasks
    return f"{head}: {', '.join(_tell(structure, expansion, tasks)) or 'no task is mapped'}"


def _from(structure: Structure, source: str) -> list[Task]:
    """Give the task *source* and those that wait for it, however many lie between."""
    below, others = {source}, [task for task in structure.tasks if task.task_id != source]
    while reached := [task for task in others if not below.isdisjoint(task.upstream)]:
        below.update(task.task_id for task in reached)
        others = [task for task in others if task.task_id not in below]
    return [task for task in structure.tasks if task.task_id in below]


def _tell(structure: Structure, expansion: Expansion, tasks: Sequence[Task]) -> Iterator[str]:
    """Give a clause for each of *tasks* that is mapped, does not run, or runs although something above it does not."""
    clauses = [_describe(structure, expansion, task) for task in tasks]
    told = [(task.task_id, clause) for task, clause in zip(tasks, clauses, strict=True) if clause]
    for (prefix, verb, why), several in groupby(told, key=lambda pair: pair[1]):
        names = [name for name, _ in several]
        plural = {"is": "are", "runs": "run", "becomes": "become", "fails": "fail"}
        word, _, rest = verb.partition(" ")
        said = f"{_enumerate(names)} {plural[word] if len(names) > 1 else word} {rest}".strip()
        yield f"{prefix}{said}{why}"


Clause = tuple[str, str, str]
"""What stands before the task's name, its verb, and why."""


def _describe(structure: Structure, expansion: Expansion, task: Task) -> Clause | None:
    became = expansion.by_id[task.task_id]
    above = [name for name in task.upstream if _does_not_run(expansion.by_id[name])]
    if _does_not_run(became):
        if not above or became.reason == "mapped over nothing":
            return "", "fails" if became.state == FAILED else f"is {became.state}", ""
        by_source = set(above) & set(structure.sources_of(task))
        return "so ", f"is {became.state}", "" if by_source else f": trigger rule {task.trigger_rule}"
    if above:
        return "", "runs all the same", f": trigger rule {task.trigger_rule}"
    if became.mapped:
        number = "?" if became.count is None else became.count
        return "", f"becomes {number} instance{'' if number == 1 else 's'}", ""
    return None


def _does_not_run(task: TaskExpansion) -> bool:
    return task.state == SKIPPED or task.state in BAD


def _enumerate(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
