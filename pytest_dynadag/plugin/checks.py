"""The checks that need no test code: a DAG file loads, a DAG expands whatever the lengths of its sources."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from pytest_dynadag.findings import Finding
from pytest_dynadag.generate.records import FileRecord
from pytest_dynadag.graph.expansion import Expansion, TaskExpansion
from pytest_dynadag.graph.sizes import plan_sizes
from pytest_dynadag.graph.structure import Structure

MAPPING_RULES = ("DYN301", "DYN302", "DYN303", "DYN304")
"""The findings that fail `expands`: whatever the data, or for some data, Airflow does not do what is written."""


class CheckFailure(AssertionError):  # noqa: N818 - a check fails, nobody has made an error
    """A check that failed; its text is the whole message, and *findings* are what was found."""

    def __init__(self, message: str, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__(message)


def check_imports(record: FileRecord) -> None:
    """Fail if the file, or a DAG in it, could not be loaded; raises `CheckFailure` with all that was found."""
    if record.failures:
        message = "\n\n".join(map(str, record.failures))
        raise CheckFailure(message, (failure.finding for failure in record.failures))


def check_expansions(structure: Structure, note: Callable[[Mapping[str, Expansion]], None]) -> str:
    """
    Plan *structure* for several lengths of every run-time source.

    Args:
        structure: The DAG.
        note: Is told the plans by name.

    Returns:
        What happens to which task where a source is empty, one plan a line; empty where no source can be.

    Raises:
        CheckFailure: Something cannot be mapped over; each finding once, with the lengths it appears at.
    """
    from pytest_dynadag.bridge.labels import make_labeller

    plans = plan_sizes(structure, label=make_labeller())
    note(plans)
    found: dict[Finding, list[str]] = {}
    for name, expansion in plans.items():
        for finding in expansion.findings:
            if finding.rule in MAPPING_RULES:
                found.setdefault(finding, []).append(name)
    if found:
        raise CheckFailure(describe_findings(found, len(plans)), found)
    return describe_empty(plans)


def describe_findings(found: Mapping[Finding, list[str]], number: int) -> str:
    """Say what was found, and at which of the *number* of plans where it was not all of them."""
    parts = []
    for finding, names in found.items():
        where = f"\n  seen with {', '.join(names)}" if len(names) < number else ""
        parts.append(f"{finding}{where}")
    return "\n\n".join(parts)


def describe_empty(plans: Mapping[str, Expansion]) -> str:
    """Say what becomes of the tasks in each plan with an empty source, one plan a line."""
    return "\n".join(
        f"{name}: {_describe_others(expansion)}" for name, expansion in plans.items() if name.endswith("=0")
    )


def _describe_others(expansion: Expansion) -> str:
    touched = [f"{task.task_id} {_describe_state(task)}" for task in expansion if task.state != "success"]
    return ", ".join(touched) or "every task runs"


def _describe_state(task: TaskExpansion) -> str:
    return "cannot be told" if task.state == "unknown" else task.state.replace("_", " ")
