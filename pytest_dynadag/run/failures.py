"""What to show of a run that failed: the failing instances, why, and what they said last."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from pytest_dynadag.printable import escape, escape_lines, shorten
from pytest_dynadag.run.observation import Observation, ObservedInstance

SHOWN = 5
"""How many failing instances are told in full, and how many lines of the log of each."""

_LONGEST_LABEL, _LONGEST_MESSAGE = 160, 4000  # characters
_FAILED = ("failed", "up_for_retry")
_INTERNALS = (
    "site-packages",
    "Traceback (most recent call last)",
    "Exporting env vars",
    "Task failed with exception",
    "Done. Returned value was",
    # What Airflow 2 says around each task.
    "{taskinstance.py:",
    "airflow.models.taskinstance:",
    "::group::",
    "::endgroup::",
)


def describe_failures(seen: Observation) -> str:
    """
    Compose what went wrong in a run, without Airflow's internals.

    One paragraph for each failing instance: its key, its error with file and line, and the last lines of its log.
    Instances that only wait for one of them are counted.
    """
    failed = [instance for instance in seen.instances if instance.state in _FAILED]
    lines = [f"the run of {seen.dag_id!r} ended as {seen.state}: {_count(failed)}"]
    for instance in failed[:SHOWN]:
        lines.extend(_tell(seen, instance))
    if len(failed) > SHOWN:
        lines.append(
            f"  and {len(failed) - SHOWN} more: " + ", ".join(one.key for one in failed[SHOWN:][:SHOWN])
        )
    stopped = [instance.key for instance in seen.instances if instance.state == "upstream_failed"]
    if stopped:
        lines.append(
            f"  not started for that: {', '.join(stopped[:SHOWN])}{', ...' if stopped[SHOWN:] else ''}"
        )
    return "\n".join(lines)


def _count(failed: list[ObservedInstance]) -> str:
    return "1 instance failed" if len(failed) == 1 else f"{len(failed)} instances failed"


def _tell(seen: Observation, instance: ObservedInstance) -> Iterator[str]:
    error = seen.errors.get((instance.task_id, instance.index))
    label = f" ({escape(shorten(instance.label, _LONGEST_LABEL))})" if instance.label else ""
    tries = f", after {instance.try_number} tries" if instance.try_number > 1 else ""
    yield f"  {instance.key}{label}{tries}: {error.type if error else instance.state}"
    if error is not None:
        if error.message:
            yield textwrap.indent(escape_lines(shorten(error.message, _LONGEST_MESSAGE)), "    ")
        if error.location:
            yield f"    at {error.location}"
        if error.remedy:
            yield f"    next: {error.remedy}"
    said = last_words(seen.log_texts.get((instance.task_id, instance.index), ""))
    if said:
        yield "    it said last:"
        yield from (f"      {escape_lines(line)}" for line in said)


def last_words(text: str) -> list[str]:
    """Give the last lines of a log that are not Airflow's own, nor part of a traceback."""
    own = []
    in_traceback = False
    for line in text.splitlines():
        if line.startswith("Traceback (most recent call last)"):
            in_traceback = True
        elif in_traceback:
            # A traceback ends with the first line at the margin: the exception, told elsewhere.
            in_traceback = line.startswith((" ", "\t")) or not line.strip()
        elif line.strip() and not any(mark in line for mark in _INTERNALS):
            own.append(line)
    return own[-SHOWN:]
