"""What is said around the tests: the header, and the table of DAGs at the end. Lines are made from plain data."""

from __future__ import annotations

import os
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_dynadag.generate.records import Generation
from pytest_dynadag.graph.sizes import NOT_MEANT, plan_sizes, tell_size
from pytest_dynadag.graph.sources import Literal, MappingForm, Product, Source
from pytest_dynadag.graph.structure import Structure
from pytest_dynadag.plugin.fixtures import workplace_of
from pytest_dynadag.plugin.properties import CHECK, TEST
from pytest_dynadag.plugin.session import DagSession

MOST_ROWS = 40
MOST_OUTLOOKS = 20
"""How many lines say what becomes of DAGs where there is nothing to map over."""
_HEADINGS = ("DAG", "tasks", "mapped", "cases", "lengths")


@dataclass(frozen=True, slots=True)
class Check:
    """How one check went: *kind* is imports, expands or case; *file* as in node ids."""

    kind: str
    dag_id: str | None
    file: str
    outcome: str


def describe_session(session: DagSession) -> list[str]:
    """Give the header: Airflow's version, the folders and why, how many files and DAGs, what is not isolated."""
    generation = session.generation()
    first = describe_generation(generation, session.config.rootpath)
    notes = [*session.missing_folders, *generation.notes, *_settle_early(session)]
    return [first, *(f"dynadag: {note}" for note in notes)]


def describe_generation(generation: Generation, root: Path) -> str:
    """Say in a line what was loaded, from where, and why from there."""
    if not generation.roots:
        return f"dynadag: Airflow {generation.airflow_version}, no DAG files or folders to load"
    folders: dict[str, list[str]] = {}
    for entry in generation.roots:
        folders.setdefault(entry.why, []).append(_shorten(str(entry.path), root))
    places = "; ".join(f"{_enumerate(paths)} ({why})" for why, paths in folders.items())
    files, dags = _count(len(generation.files), "file"), _count(len(generation.dags), "DAG")
    return (
        f"dynadag: Airflow {generation.airflow_version}, {files} with {dags} "
        f"in {generation.seconds:.1f} s from {places}"
    )


def write_summary(reporter: pytest.TerminalReporter, generation: Generation) -> None:
    """Print the table of the DAGs that were checked, what to know of them, and the files that could not be loaded."""
    checks = list(read_checks(reporter.stats))
    lines = [
        *format_table(generation, checks),
        *format_outlooks(generation, checks),
        *format_errors(generation, checks, reporter.config.rootpath),
    ]
    if lines:
        reporter.ensure_newline()
        reporter.section("what the DAGs become", sep="-")
        for line in lines:
            reporter.write_line(line)


def read_checks(stats: dict[str, list[Any]]) -> Iterator[Check]:
    """Read our checks among the reports of a session; tests that use our fixtures are not in the table."""
    for report in (report for reports in stats.values() for report in reports):
        if not isinstance(report, pytest.TestReport):
            continue  # a deselected item, for one
        properties: dict[str, Any] = dict(report.user_properties)
        kind, dag_id = properties.get(CHECK, TEST), properties.get("dynadag_dag")
        if kind != TEST and (report.when == "call" or report.failed):
            file = report.nodeid.partition("::")[0]
            yield Check(kind, dag_id, file, report.outcome)


def format_table(generation: Generation, checks: Sequence[Check]) -> list[str]:
    """Give the table, a row for each DAG that was checked, in the order of their files."""
    checked = {check.dag_id for check in checks}
    structures = [structure for dag_id, (_, structure) in generation.dags.items() if dag_id in checked]
    if not structures:
        return []
    cases = _tally_cases(checks)
    if len(structures) > MOST_ROWS:  # what is mapped or has cases is what one wants to see
        structures.sort(key=lambda s: not (cases[s.dag_id] or describe_lengths(s)))
    shown, left_out = structures[:MOST_ROWS], structures[MOST_ROWS:]
    rows = [_HEADINGS, *(_make_row(structure, cases[structure.dag_id]) for structure in shown)]
    return [*align(rows), *([_describe_left_out(left_out)] if left_out else [])]


def format_outlooks(generation: Generation, checks: Iterable[Check]) -> list[str]:
    """Say what becomes of each DAG that was checked where a source is empty, and what else is worth knowing."""
    checked = {check.dag_id for check in checks if check.kind == "expands"}
    structures = [structure for dag_id, (_, structure) in generation.dags.items() if dag_id in checked]
    lines = [line for structure in structures for line in describe_outlook(structure)]
    more = [f"... and {len(lines) - MOST_OUTLOOKS} more lines"] if len(lines) > MOST_OUTLOOKS else []
    return [*lines[:MOST_OUTLOOKS], *more]


def describe_outlook(structure: Structure) -> Iterator[str]:
    """Say what one DAG becomes with nothing from each of its sources, and what is found that is no failure."""
    plans = plan_sizes(structure, (0, 1))
    for name, plan in plans.items():
        if name.endswith("=0") and not name.startswith("all="):
            yield f"{structure.dag_id}: {tell_size(structure, name, plan)}"
    findings = dict.fromkeys(finding for plan in plans.values() for finding in plan.findings)
    for finding in findings:
        if finding.rule not in NOT_MEANT:
            yield f"{structure.dag_id}: {finding.rule} {finding.message}".partition("\n")[0]


def format_errors(generation: Generation, checks: Iterable[Check], root: Path) -> list[str]:
    """Give a line for each file that was checked and did not load."""
    failed = [check.file for check in checks if check.kind == "imports" and check.outcome == "failed"]
    paths = {os.path.normpath(root / file) for file in failed}  # outside of the root: ../dags/sales.py
    records = [record for record in generation.files if record.path in paths]
    lines = [
        f"{failure.finding.rule} {_first_line(failure, root)}" for r in records for failure in r.failures
    ]
    more = [f"... and {len(lines) - MOST_ROWS} more"] if len(lines) > MOST_ROWS else []
    return [*lines[:MOST_ROWS], *more]


def describe_lengths(structure: Structure) -> str:
    """Say where the length of each mapped task and group comes from: `load <- list_regions, report literal 3`."""
    owners: dict[str, MappingForm] = {}
    for task in structure.tasks:
        owners.update(structure.mappings_of(task))
    return ", ".join(f"{owner} {_describe_mapping(mapping)}" for owner, mapping in owners.items())


def align(rows: Sequence[Sequence[str]]) -> list[str]:
    """Give the rows as lines, columns side by side."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in rows)
    return [line.rstrip() for line in lines]


def _tally_cases(checks: Iterable[Check]) -> dict[str, Counter[str]]:
    """Count how the cases of each DAG ended, by dag_id and outcome."""
    tally: dict[str, Counter[str]] = defaultdict(Counter)
    for check in checks:
        if check.kind == "case" and check.dag_id:
            tally[check.dag_id][check.outcome] += 1
    return tally


def _make_row(structure: Structure, cases: Counter[str]) -> tuple[str, ...]:
    told = ", ".join(f"{number} {outcome}" for outcome, number in sorted(cases.items(), reverse=True))
    mapped = sum(1 for task in structure.tasks if structure.is_mapped(task))
    numbers = (str(len(structure.tasks)), str(mapped))
    return (structure.dag_id, *numbers, told or "-", describe_lengths(structure) or "-")


def _describe_left_out(structures: Sequence[Structure]) -> str:
    mapped = sum(1 for structure in structures if describe_lengths(structure))
    return f"... and {_count(len(structures), 'more DAG')}, {mapped or 'none'} of them mapped"


def _describe_mapping(mapping: MappingForm) -> str:
    if all(isinstance(source, Literal) for source in mapping.sources):
        return f"literal {' x '.join(str(len(source.value)) for source in mapping.sources)}"  # type: ignore[union-attr]
    names = [_describe_source(source) for source in mapping.sources]
    return f"<- {' x '.join(names)}" if isinstance(mapping, Product) else f"<- rows of {names[0]}"


def _describe_source(source: Source) -> str:
    return f"literal {len(source.value)}" if isinstance(source, Literal) else str(source)


def _settle_early(session: DagSession) -> tuple[str, ...]:
    """Isolate an Airflow that a conftest imported already, and say what could not be isolated."""
    if "airflow.settings" not in sys.modules:
        return ()
    from pytest_dynadag.bridge.home import current

    workplace_of(session.config).settle()
    isolation = current()
    return isolation.notes if isolation else ()


def _first_line(failure: Any, root: Path) -> str:
    message = failure.finding.message.partition("\n")[0]
    return f"{failure.finding.location} {message}".replace(f"{root}/", "")


def _shorten(path: str, root: Path) -> str:
    return path.removeprefix(f"{root}/")


def _enumerate(paths: Sequence[str], most: int = 4) -> str:
    return ", ".join(paths[:most]) + (f" and {len(paths) - most} more" if len(paths) > most else "")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
