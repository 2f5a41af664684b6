"""What can go wrong in the hands of a user: each error carries its data and says what to do next."""

# Pure: the text of a message is composed here, from plain data, so that a test can compare it whole.

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence

from pytest_dynadag.location import Location


class DynadagError(Exception):
    """Something that a user of pytest-dynadag can put right; its text is the whole message."""


def nearest(name: str, known: Iterable[str], *, most: int = 3) -> list[str]:
    """
    Give the known names that *name* was probably meant to be, best first.

    Args:
        name: What somebody wrote.
        known: What could have been written.
        most: How many to give at the most.
    """
    by_folded = {candidate.casefold(): candidate for candidate in sorted(known)}
    close = difflib.get_close_matches(name.casefold(), by_folded, n=most, cutoff=0.5)
    return [by_folded[candidate] for candidate in close]


def suggest(name: str, known: Iterable[str]) -> str:
    """Say in a few words which known names come nearest to *name*, or which there are."""
    names = sorted(known)
    if close := nearest(name, names):
        return "did you mean " + " or ".join(repr(candidate) for candidate in close) + "?"
    return f"known: {enumerate_some(names)}" if names else "there are none"


def enumerate_some(names: Sequence[str], *, most: int = 8) -> str:
    """Join *names* for a message; a long list is cut and the rest counted."""
    shown = ", ".join(repr(name) for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")


class UnknownNameError(DynadagError, KeyError):
    """
    A name that the DAG (or the folder) does not have.

    *name* is what was written, *known* what could have been, *where* the place that wrote it; *note* is what else
    may explain it.
    """

    __str__ = Exception.__str__  # a KeyError shows the repr of its text

    def __init__(self, what: str, name: str, known: Iterable[str], *, where: str, note: str = "") -> None:
        self.name, self.known, self.where, self.note = name, tuple(sorted(known)), where, note
        text = f"{where}: there is no {what} {name!r}; {suggest(name, self.known)}"
        super().__init__(f"{text}\n  {note}" if note else text)


class ArgumentError(DynadagError):
    """
    An argument that cannot be meant.

    *name* is the argument's, *value* what was passed, *wanted* what it takes; *next_step* says what to pass instead.
    """

    def __init__(self, name: str, value: object, wanted: str, *, next_step: str = "") -> None:
        self.name, self.value, self.wanted = name, value, wanted
        # What is passed may be secret, or long: where it is neither, its type says little.
        shown = repr(value) if isinstance(value, (int, float)) else name_type(value)
        super().__init__(
            f"{name} takes {wanted}, not {shown}" + (f"\n  next: {next_step}" if next_step else "")
        )


def require(
    name: str, value: object, kinds: type | tuple[type, ...], wanted: str, *, next_step: str = ""
) -> None:
    """Raise `ArgumentError` unless the argument *name* is one of *kinds*."""
    if not isinstance(value, kinds):
        raise ArgumentError(name, value, wanted, next_step=next_step)


def name_type(value: object) -> str:
    """Say of which type something is: `a list`, `an int`, `None`."""
    name = type(value).__name__
    return "None" if value is None else f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


class GivenError(DynadagError):
    """Something in the given that cannot be meant: *key* names the entry, *why* says what is wrong with it."""

    def __init__(self, dag_id: str, key: str, why: str, *, next_step: str) -> None:
        self.dag_id, self.key, self.why = dag_id, key, why
        super().__init__(f"given[{key!r}] for DAG {dag_id!r}: {why}\n  next: {next_step}")


class MissingGivenError(DynadagError):
    """
    Upstream outputs that decide a length are absent from the given; all of them are listed.

    *missing* maps a task id to what needs its output: instance keys such as `load[?]`, each with the
    place where the mapped task is written, if known.
    """

    what = "plan {dag_id!r}"
    otherwise = "strict=False to leave unknown lengths as task[?]"

    def __init__(
        self,
        dag_id: str,
        missing: Mapping[str, Sequence[tuple[str, Location | None]]],
    ) -> None:
        self.dag_id = dag_id
        self.missing = {task_id: tuple(needs) for task_id, needs in missing.items()}
        what = self.what.format(dag_id=dag_id)
        super().__init__(describe_missing(what, self.missing, self.otherwise))


def describe_missing(
    what: str,
    missing: Mapping[str, Sequence[tuple[str, Location | None]]],
    otherwise: str,
) -> str:
    """Compose the message of a `MissingGivenError`: *what* cannot be done, what is missing, who needs it, what next."""
    outputs = "1 upstream output is" if len(missing) == 1 else f"{len(missing)} upstream outputs are"
    lines = [f"cannot {what}: {outputs} missing from the given"]
    width = max(len(task_id) for task_id in missing)
    for task_id, needs in missing.items():
        who = ", ".join(f"{key} at {place}" if place else key for key, place in needs)
        lines.append(f"  {task_id:<{width}}  needed by {who}")
    example = ", ".join(f"{task_id!r}: [...]" for task_id in missing)
    lines.append(f"  next: pass given={{{example}}}, or {otherwise}")
    return "\n".join(lines)
