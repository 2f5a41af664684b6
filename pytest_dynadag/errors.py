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


class GivenError(DynadagError):
    """Something in the given that cannot be meant: *key* names the entry, *why* says what is wrong with it."""

    def __init__(self, dag_id: str, key: str, why: str, *, next_step: str) -> None:
        self.dag_id, self.key, self.why = dag_id, key, why
        super().__init__(f"given[{key!r}] for DAG {dag_id!r}: {why}\n  next: {next_step}")


class MissingGivenError(DynadagError):
    """
    Upstream outputs that decide a length are absent from the given; all of them are listed.

    *missing* maps a task id to what needs its output: instance keys such as `load[?]`, each with the
    place where the mapped task is written, if known. *known* are the task ids that the given has.
    """

    what = "plan {dag_id!r}"
    otherwise = "strict=False to leave unknown lengths as task[?]"

    def __init__(
        self,
        dag_id: str,
        missing: Mapping[str, Sequence[tuple[str, Location | None]]],
        known: Iterable[str] = (),
    ) -> None:
        self.dag_id = dag_id
        self.missing = {task_id: tuple(needs) for task_id, needs in missing.items()}
        self.known = tuple(sorted(known))
        what = self.what.format(dag_id=dag_id)
        super().__init__(describe_missing(what, self.missing, self.known, self.otherwise))


def describe_missing(
    what: str,
    missing: Mapping[str, Sequence[tuple[str, Location | None]]],
    known: Sequence[str],
    otherwise: str,
) -> str:
    """Compose the message of a `MissingGivenError`: *what* cannot be done, what is missing, who needs it, what next."""
    outputs = "1 upstream output is" if len(missing) == 1 else f"{len(missing)} upstream outputs are"
    lines = [f"cannot {what}: {outputs} missing from the given"]
    width = max(len(task_id) for task_id in missing)
    for task_id, needs in missing.items():
        who = ", ".join(f"{key} at {place}" if place else key for key, place in needs)
        lines.append(f"  {task_id:<{width}}  needed by {who}")
        slips = [name for name in nearest(task_id, known) if name not in missing]
        if slips:
            lines.append(f"  {'':<{width}}  the given has {slips[0]!r}: is that a slip?")
    example = ", ".join(f"{task_id!r}: [...]" for task_id in missing)
    lines.append(f"  next: pass given={{{example}}}, or {otherwise}")
    return "\n".join(lines)
