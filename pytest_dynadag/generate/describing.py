"""What is said about divergences, composed from plain data, so that tests compare it whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pytest_dynadag.generate.circumstances import CIRCUMSTANCES
from pytest_dynadag.generate.comparison import ABSENT, Change, show
from pytest_dynadag.generate.divergences import Determinism, Divergence, count_rules

MOST_HINTS = 3


def describe(determinism: Determinism) -> str:
    """Say whether DAGs are the same under every circumstance, and if not, what differs: the first cause in full."""
    files = [file for file in determinism.files if file.divergences]
    if not files:
        number = determinism.generations
        return f"the same in {number} generations" + "".join(
            f"\nnot checked: {line}" for line in determinism.not_checked
        )
    parts = []
    for file in files:
        parts.append("\n".join(describe_divergences(file.divergences)))
        parts += [f"Airflow's own checker: {hint}" for hint in file.hints[:MOST_HINTS]]
        parts += [f"not checked: {line}" for line in file.not_checked]
    parts += [f"not checked: {line}" for line in determinism.not_checked]
    return "\n".join(parts)


def describe_divergences(divergences: Iterable[Divergence]) -> Iterator[str]:
    """Give the first divergence in full, each other cause in a line, and how many there are by rule."""
    first, *others = divergences
    yield str(first.finding)
    seen = {(first.rule, first.location)}
    for other in others:
        if (other.rule, other.location) not in seen:
            seen.add((other.rule, other.location))
            yield f"also {_place(other)}{other.rule} {describe_change(other)}"
    if others:
        counted = count_rules([first, *others])
        told = ", ".join(f"{number} by {CAUSES.get(rule, rule)}" for rule, number in counted.items())
        yield f"in all {len(others) + 1} differences: {told}"


CAUSES = {entry.rule: entry.words for entry in CIRCUMSTANCES.values() if not entry.on_request} | {
    "DYN106": "the environment",
    "DYN109": "a cause that is not isolated",
    "DYN110": "the order in which instances finish",
}


def describe_what(entry: Divergence) -> str:
    """Say what depends on what, where, and with which two outcomes."""
    lines = [f"{_headline(entry)}", f"  {describe_change(entry)}", f"  at {entry.pointer}"]
    if entry.source:
        lines.append(f"  {'a guess: ' if entry.is_guess else ''}{entry.location}: {entry.source}")
    elif entry.location is None:
        lines.append("  the line could not be found")
    if entry.via and entry.via != entry.location:
        lines.append(f"  called from {entry.via}")
    if entry.seen_by_airflow is False:
        lines.append(
            "  Airflow's own dag_hash is the same for both: no new version, no warning, and scheduler and worker "
            "disagree"
        )
    elif entry.seen_by_airflow:
        lines.append("  Airflow's own dag_hash differs too: a new DAG version at each such parse")
    return "\n".join(lines)


def describe_remedy(entry: Divergence) -> str:
    """Say what to write instead."""
    if entry.pointer == "/failure":
        return "let the file load under both; what it needs belongs into a task, or into a default"
    if entry.rule == "DYN110":
        return (
            "a rule that is met before all upstream instances have finished (one_success, one_done, one_failed) sees "
            "what is there at that moment: use all_done, none_failed or all_success, or do not read their values"
        )
    if "0x" in str(entry.baseline) and entry.rule == "DYN104":
        return "do not build names or values from the repr or the id of an object; use a name of its own"
    known = CIRCUMSTANCES.get(entry.circumstance)
    if known and entry.rule == known.rule:
        return known.remedy
    return (
        "make it depend on one of them only, then on none: the remedies are those of the single circumstances"
    )


def describe_change(entry: Divergence | Change) -> str:
    """Say in plain words what was what under which circumstance."""
    one, other = getattr(entry, "under", ("in one generation", "in another"))
    parts = Change(entry.dag_id, entry.pointer, None, None).parts
    if entry.pointer == "/failure":
        return _describe_failure(entry, one, other)
    presence = _name_presence(parts)
    if presence and ABSENT in (entry.baseline, entry.changed):
        where = other if entry.baseline == ABSENT else one
        return f"{presence} is there only {where}"
    verb = "gets" if _is_instance(parts) else "is"
    order = "; only the order differs" if entry.order_only else ""
    return f"{_name(parts)} {verb} {show(entry.baseline)} {one} and {show(entry.changed)} {other}{order}".replace(
        "  ", " "
    )


def _headline(entry: Divergence) -> str:
    about = f"DAG {entry.dag_id!r}" if entry.dag_id else "the file"
    if entry.rule == "DYN109":
        if " and " in entry.circumstance:
            return f"{about} differs only under several circumstances together: {entry.circumstance}"
        return f"{about} differs, and no circumstance alone explains it"
    if entry.rule == "DYN101":
        return f"{about} is another one at a second parse in the same process"
    if entry.rule == "DYN110":
        rule = entry.circumstance.partition(", ")[2]
        task = f": task {entry.pointer.split('/')[3]!r} has the trigger rule {rule}" if rule else ""
        return f"{about} does something else when its instances finish in another order{task}"
    known = CIRCUMSTANCES.get(entry.circumstance)
    return f"{about} depends on {known.words if known else entry.circumstance}"


def _describe_failure(entry: Divergence | Change, one: str, other: str) -> str:
    if entry.baseline == ABSENT:
        return f"the file loads {one} and fails {other}: {_first_line(entry.changed)}"
    if entry.changed == ABSENT:
        return f"the file loads {other} and fails {one}: {_first_line(entry.baseline)}"
    return f"the file fails with {_first_line(entry.baseline)!r} {one} and {_first_line(entry.changed)!r} {other}"


def _first_line(value: object) -> str:
    return str(value).partition("\n")[0]


def _name_presence(parts: tuple[str, ...]) -> str | None:
    """Name a thing that may be there or not: a DAG, a task, a group, a dependency."""
    match parts:
        case ("dags", dag_id):
            return f"DAG {dag_id!r}"
        case ("dags", _, "tasks", task_id):
            return f"task {task_id!r}"
        case ("dags", _, "groups", group_id):
            return f"task group {group_id!r}"
        case ("dags", _, "tasks", task_id, "upstream", upstream):
            return f"the dependency of {task_id!r} on {upstream!r}"
    return None


def _is_instance(parts: tuple[str, ...]) -> bool:
    return len(parts) > 5 and parts[4] == "mapping" and parts[-1].isdigit()


def _name(parts: tuple[str, ...]) -> str:
    """Name what a pointer leads to, as a reader of the DAG file would."""
    match parts:
        case ("dags", _, "tasks", task_id, "mapping", _, index) if index.isdigit():
            return f"{task_id}[{index}]"
        case ("dags", _, "tasks", task_id, "mapping", *rest):
            return f"what {task_id!r} is mapped over ({'/'.join(rest)})"
        case ("dags", _, "groups", group_id, "mapping", *rest):
            return f"what group {group_id!r} is mapped over ({'/'.join(rest)})"
        case ("dags", _, "tasks", task_id, "arguments", "op_kwargs", *rest):
            return f"argument {'/'.join(rest)} of {task_id!r}"
        case ("dags", _, "tasks", task_id, "arguments", *rest):
            return f"{'/'.join(rest)} of {task_id!r}"
        case ("dags", _, "tasks", task_id, "bound", *rest):
            return f"a value bound to a function of {task_id!r} ({'/'.join(rest)})"
        case ("dags", _, "tasks", task_id, *rest):
            return f"{'/'.join(rest)} of {task_id!r}"
        case ("dags", _, "groups", group_id, *rest):
            return f"{'/'.join(rest)} of group {group_id!r}"
        case ("dags", _, "settings", *rest):
            return "/".join(rest)
        case ("runs", _, "(run)", _):
            return "the state of the run"
        case ("runs", _, key, what):
            return f"{what} of {key!r}"
    return "/".join(parts)


def _place(entry: Divergence) -> str:
    return f"{entry.location}: " if entry.location else ""
