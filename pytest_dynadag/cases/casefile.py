"""Case files: what `sales.dynadag.yaml` says about the DAG beside it."""

# Reads and checks what can be checked without a DAG; whether tasks exist is for the verdict.
# All problems of a file, and of a case, are listed at once: they are read in a CI log, and each round costs minutes.

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pytest_dynadag.cases.document import CaseFileError, Item, Problem, read_document
from pytest_dynadag.errors import enumerate_some, nearest, suggest
from pytest_dynadag.graph.given import parse_key
from pytest_dynadag.location import Location

ENDING = ".dynadag.yaml"
"""How the name of a case file ends."""

TASK_STATES = frozenset(
    (
        "awaiting_input",
        "deferred",
        "failed",
        "queued",
        "removed",
        "restarting",
        "running",
        "scheduled",
        "skipped",
        "success",
        "up_for_reschedule",
        "up_for_retry",
        "upstream_failed",
    )
)
"""Source: TaskInstanceState, `airflow/utils/state.py`, 2.10-3.3."""

RUN_STATES = frozenset(("failed", "queued", "running", "success"))
"""Source: DagRunState, `airflow/utils/state.py`, 2.10-3.3."""

GIVEN_STATES = frozenset(("failed", "skipped", "success"))
"""The states that a task can be given."""

_USUAL = ("success", "failed", "skipped", "upstream_failed")
"""The states that most cases are about."""
_NUMBER = "; a number says how many instances there are"

RUN = "state"
"""The expectation that is about the whole run."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """
    One line of `expect`: *key* is a task id, an instance key or `state`.

    *value* is a number of instances, the name of a state, or the inputs of an instance by name.
    """

    key: str
    value: Any
    location: Location

    @property
    def task_id(self) -> str:
        """The task that is meant."""
        return parse_key(self.key)[0]

    @property
    def index(self) -> int | None:
        """The index of the instance that is meant; None for the whole task."""
        return parse_key(self.key)[1]

    @property
    def of_run(self) -> bool:
        """Whether the state of the run is meant; `state: 2` is about a task of that name."""
        return self.key == RUN and isinstance(self.value, str)


@dataclass(frozen=True, slots=True)
class Case:
    """
    One case: what is given, and what is expected of it.

    Attributes:
        name: As the file has it.
        location: The line of its name.
        given: Outputs by task id or instance key; of a mapped task a list with one entry per index.
        states: `skipped`, `failed` or `success` by task id or instance key.
        params, conf: What the run is triggered with; JSON data.
        variables, connections: By name; None says that it does not exist.
        env: Environment variables; None removes one.
        at: Frozen clock and logical date, in ISO form; None if left out.
        run: Whether the case is executed, not only planned.
        expect: The expectations in their order; None where they are left out.
        places: (key of the case, key below it) to where it is written.
        problems: What is wrong in it; a case that has any cannot be checked.
    """

    name: str
    location: Location
    given: Mapping[str, Any] = field(default_factory=dict)
    states: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    conf: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    connections: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, str | None] = field(default_factory=dict)
    at: str | None = None
    run: bool = False
    expect: tuple[Expectation, ...] | None = None
    places: Mapping[tuple[str, str], Location] = field(default_factory=dict, repr=False, compare=False)
    problems: tuple[Problem, ...] = ()

    def locate(self, section: str, key: str) -> Location:
        """Give the line where *key* of *section* is written, or that of the case."""
        return self.places.get((section, key), self.location)


@dataclass(frozen=True, slots=True, repr=False)
class CaseFile:
    """The cases in the file at *path*; *dag* is the dag_id it names, at *dag_location*, or None."""

    path: Path
    dag: str | None
    cases: tuple[Case, ...]
    dag_location: Location | None = None

    def __repr__(self) -> str:
        runs = sum(case.run for case in self.cases)
        about = f" for {self.dag!r}" if self.dag else ""
        return f"<CaseFile {self.path}{about}: {len(self.cases)} cases, {runs} of them run>"


def is_casefile(path: Path) -> bool:
    """Tell by its name whether *path* is a case file."""
    return path.name.endswith(ENDING) and path.name != ENDING


def read_casefile(path: Path) -> CaseFile:
    """
    Read the case file at *path*.

    Days and moments stay the ISO text that was written, in params, conf and `at` (which are JSON in Airflow)
    and everywhere else: write `"2024-05-01"` where the DAG has a date object.

    What is wrong in one case is noted there, and is no reason not to check the others.

    Args:
        path: The file; messages show it as it is passed in.

    Raises:
        CaseFileError: The file cannot be read, or something in it outside its cases cannot be meant; all problems
            are listed, those of its cases as well.
    """
    root = read_document(path)
    reader = _Reader(path)
    casefile = reader.read(root)
    if reader.problems:
        in_cases = (problem for case in casefile.cases for problem in case.problems)
        raise CaseFileError(path, [*reader.problems, *in_cases])
    return casefile


@dataclass(slots=True)
class _Reader:
    """Turn the document into cases, and note every problem on the way."""

    path: Path
    problems: list[Problem] = field(default_factory=list)

    def note(self, item: Item | None, message: str) -> None:
        self.problems.append(Problem(self.locate(item), message))

    def locate(self, item: Item | None) -> Location:
        return Location(str(self.path), item.line if item else 1)

    # -- the file -------------------------------------------------------------------------------------

    def read(self, root: Item | None) -> CaseFile:
        """Read the whole file from its root."""
        if root is None or root.entries is None:
            what = "the file is empty" if root is None else f"the file holds {root.kind}, not a mapping"
            self.note(root, f"{what}\n  next: write cases: and, below it, a name for each case")
            return CaseFile(self.path, None, ())
        parts = self.split(root, ("dag", "cases"), "")
        dag = parts.get("dag")
        name = self.read_name(dag) if dag else None
        cases = self.read_cases(root, parts.get("cases"))
        return CaseFile(self.path, name, cases, self.locate(dag) if dag else None)

    def split(self, item: Item, known: tuple[str, ...], where: str) -> dict[str, Item]:
        """Give the values of a mapping by key; keys that are not *known* are noted."""
        parts = {}
        for key, value in item.entries or ():
            if key.text in known:
                parts[key.text] = value
            else:
                self.note(key, f"{where}there is no key {key.text!r}; {suggest(str(key.text), known)}")
        return parts

    def read_name(self, item: Item) -> str | None:
        if item.text is None or item.value is None:
            self.note(item, f"dag takes the id of one DAG, not {item.kind}")
            return None
        return item.text

    def read_cases(self, root: Item, item: Item | None) -> tuple[Case, ...]:
        """Read every case."""
        if item is None or not item.entries:
            found = f"cases takes a mapping, not {item.kind}" if item and item.value else "there are no cases"
            self.note(item or root, f"{found}\n  next: write cases: and, below it, a name for each case")
            return ()
        return tuple(self.read_apart(key, value) for key, value in item.entries if self.check_name(key))

    def check_name(self, key: Item) -> bool:
        """Note a case without a name."""
        if not (named := bool(str(key.text).strip())):
            self.note(key, "a case needs a name")
        return named

    def read_apart(self, key: Item, item: Item) -> Case:
        """Read one case; what is wrong in it is its own affair."""
        reader = _Reader(self.path)
        case = reader.read_case(key, item)
        return replace(case, problems=tuple(reader.problems))

    # -- one case -------------------------------------------------------------------------------------

    def read_case(self, key: Item, item: Item) -> Case:
        """Read one case as far as it can be meant."""
        name = str(key.text)
        where = f"case {name!r}: "
        if item.value is not None and item.entries is None:
            self.note(
                item,
                f"{where}a case takes a mapping with {enumerate_some(CASE_KEYS, most=10)}, not {item.kind}",
            )
            return Case(name, self.locate(key))
        parts = self.split(item, CASE_KEYS, where)
        places: dict[tuple[str, str], Location] = {}
        sections: dict[str, Any] = {
            section: self.read_section(section, parts.get(section), where, places) for section in SECTIONS
        }
        run = self.read_run(parts.get("run"), where)
        at = self.read_moment(parts.get("at"), where, run=run)
        expect = self.read_expect(parts["expect"], where, run=run) if "expect" in parts else None
        return Case(name, self.locate(key), **sections, at=at, run=run, expect=expect, places=places)

    def read_section(
        self, section: str, item: Item | None, where: str, places: dict[tuple[str, str], Location]
    ) -> dict[str, Any]:
        """Give a mapping by name, and note where each name is written in *places*."""
        if item is None or item.value is None:
            return {}
        if item.entries is None:
            self.note(item, f"{where}{section} takes a mapping of {SECTIONS[section]}, not {item.kind}")
            return {}
        found = {}
        for key, value in item.entries:
            name = str(key.text)
            places[section, name] = self.locate(key)
            self.check_entry(section, key, value, where)
            # The environment holds texts only: `DEBUG: 1` means what it would mean in a shell.
            found[name] = value.text if section == "env" and value.value is not None else value.value
        return found

    def check_entry(self, section: str, key: Item, value: Item, where: str) -> None:
        """Note what cannot stand in one entry of a section."""
        where = f"{where}{section}[{key.text!r}]"
        if section in {"given", "states"}:
            self.check_key(key, where)
        if section == "states" and value.text not in GIVEN_STATES:
            self.note(value, f"{where}: {_describe_state(value, GIVEN_STATES)}")
        if section == "env" and value.text is None:
            self.note(value, f"{where}: an environment variable holds a text, not {value.kind}")

    def check_key(self, key: Item, where: str) -> bool:
        """Note a key in brackets that is not `task[index]`; Airflow's task ids have no brackets."""
        task_id = parse_key(str(key.text))[0]
        good = not (set("[]") & set(task_id)) and bool(task_id)
        if not good:
            example = f"{task_id.partition('[')[0] or 'task'}[0]"
            self.note(key, f"{where}: this is no key of an instance; write {example!r}, counted from 0")
        return good

    def read_run(self, item: Item | None, where: str) -> bool:
        """Tell whether the case is run; True if what is written is wrong, so that nothing else is blamed for it."""
        if item is not None and not isinstance(item.value, bool):
            self.note(item, f"{where}run takes true or false, not {_show(item)}")
        return item is not None and item.value is not False

    def read_moment(self, item: Item | None, where: str, *, run: bool) -> str | None:
        """Give `at` in ISO form."""
        if item is None:
            return None
        moment = _parse_moment(item.value)
        if moment is None:
            self.note(
                item, f"{where}at takes a day or a moment such as 2024-05-01T06:00:00Z, not {_show(item)}"
            )
        elif not run:
            message = "at freezes the clock of a run, but the case is only planned"
            self.note(item, f"{where}{message}\n  next: add run: true, or leave at out")
        return moment

    # -- expectations ---------------------------------------------------------------------------------

    def read_expect(self, item: Item, where: str, *, run: bool) -> tuple[Expectation, ...]:
        """Read what is expected, each entry checked."""
        if not item.entries:
            empty = (
                "expect is empty" if not item.value else f"expect takes a mapping by task, not {item.kind}"
            )
            self.note(
                item, f"{where}{empty}\n  next: write what you expect, such as load: 2, or leave expect out"
            )
            return ()
        expectations = []
        for key, value in item.entries:
            self.check_expectation(key, value, f"{where}expect[{key.text!r}]", run=run)
            expectations.append(Expectation(str(key.text), value.value, self.locate(key)))
        return tuple(expectations)

    def check_expectation(self, key: Item, value: Item, where: str, *, run: bool) -> None:
        """Note an expectation that cannot be meant, whatever the DAG is."""
        if not self.check_key(key, where):
            return
        if key.text == RUN and isinstance(value.value, str):
            self.check_run_state(value, where, run=run)
        elif parse_key(str(key.text))[1] is None:
            self.check_of_task(key, value, where)
        else:
            self.check_of_instance(value, where)

    def check_run_state(self, value: Item, where: str, *, run: bool) -> None:
        if not run:
            message = "only a run has a state, and the case is only planned"
            self.note(value, f"{where}: {message}\n  next: add run: true, or expect the states of tasks")
        elif value.value not in RUN_STATES:
            self.note(value, f"{where}: {_describe_state(value, RUN_STATES)}")

    def check_of_task(self, key: Item, value: Item, where: str) -> None:
        """Note what cannot be expected of a task."""
        number = value.value
        if isinstance(number, dict):
            message = f"inputs are those of one instance\n  next: write {f'{key.text}[0]'!r}"
            self.note(value, f"{where}: {message}, or a number to say how many instances there are")
        elif isinstance(number, int) and not isinstance(number, bool):
            if number < 0:
                self.note(value, f"{where}: a task has 0 or more instances, not {number}")
        elif not isinstance(number, str):
            self.note(value, f"{where}: a task takes a number of instances or a state, not {_show(value)}")
        elif number not in TASK_STATES:
            self.note(value, f"{where}: {_describe_state(value, TASK_STATES, _NUMBER)}")

    def check_of_instance(self, value: Item, where: str) -> None:
        """Note what cannot be expected of one instance."""
        if isinstance(value.value, str):
            if value.value not in TASK_STATES:
                self.note(value, f"{where}: {_describe_state(value, TASK_STATES)}")
        elif value.entries is None:
            self.note(value, f"{where}: an instance takes its inputs by name, or a state, not {_show(value)}")
        elif not value.entries:
            self.note(value, f"{where}: no input is named; write what the instance gets, or its state")


SECTIONS = {
    "given": "outputs by task",
    "states": "states by task",
    "params": "values by name",
    "conf": "values by name",
    "variables": "values by name",
    "connections": "URIs by connection id",
    "env": "texts by name",
}
"""The keys of a case that take a mapping, and what that maps."""

CASE_KEYS = (*SECTIONS, "at", "run", "expect")
"""Every key of a case."""


def _show(item: Item) -> str:
    if item.text is None or item.value is None:
        return item.kind
    return repr(item.text) if isinstance(item.value, str) else item.text


def _describe_state(item: Item, known: frozenset[str], otherwise: str = "") -> str:
    if not isinstance(item.value, str):
        return f"a state is needed ({enumerate_some(sorted(known), most=20)}), not {_show(item)}"
    usual = [state for state in _USUAL if state in known]
    if nearest(item.value, known) or len(known) <= len(_USUAL):
        return f"there is no state {item.value!r} here; {suggest(item.value, known)}"
    return f"there is no state {item.value!r} here; the usual ones are {enumerate_some(usual)}{otherwise}"


def _parse_moment(value: Any) -> str | None:
    """Give a day or a moment in ISO form; None if *value* is neither."""
    if not isinstance(value, str):
        return None
    try:
        dt.datetime.fromisoformat(value.replace("Z", "+00:00"))  # Python 3.10 knows no Z
    except ValueError:
        return None
    return value


# -- which DAG ----------------------------------------------------------------------------------------------


def find_dag_file(path: Path) -> Path | None:
    """
    Give the DAG file beside the case file at *path*; None if there is none.

    `sales.dynadag.yaml` stands beside `sales.py`. A file may have several case files: what follows the name
    of the DAG file is left off from the right, as in `config_driven.tenant_a.dynadag.yaml`.
    """
    stem = path.name.removesuffix(ENDING)
    while stem:
        if (beside := path.with_name(f"{stem}.py")).is_file():
            return beside
        stem = stem.rpartition(".")[0]
    return None


def resolve_dag(casefile: CaseFile, candidates: Mapping[str, Path | str]) -> str:
    """
    Give the dag_id that *casefile* is about: the one it names, or that of the only DAG in the file beside it.

    Args:
        casefile: As read.
        candidates: Every dag_id there is to the path of its file.

    Raises:
        CaseFileError: It names a DAG that is not there, or names none and the file beside it does not have
            exactly one.
    """
    beside = find_dag_file(casefile.path)
    inside = sorted(dag_id for dag_id, file in candidates.items() if beside and _is_same(Path(file), beside))
    if casefile.dag is None and len(inside) == 1:
        return inside[0]
    if casefile.dag in candidates and casefile.dag is not None:
        return casefile.dag
    location = casefile.dag_location or Location(str(casefile.path), 1)
    raise CaseFileError(
        casefile.path, [Problem(location, _explain_dag(casefile, beside, inside, candidates))]
    )


def _is_same(one: Path, other: Path) -> bool:
    return one.name == other.name and one.resolve() == other.resolve()


def _explain_dag(
    casefile: CaseFile, beside: Path | None, inside: list[str], candidates: Mapping[str, Path | str]
) -> str:
    """Say why no single DAG is meant, and what to write."""
    if casefile.dag is not None:
        return f"there is no DAG {casefile.dag!r}; {suggest(casefile.dag, candidates)}"
    if beside is None:
        name = casefile.path.name.removesuffix(ENDING)
        why, step = (
            f"there is no {name}.py beside the file, and it names no DAG",
            "write dag: and the id of one",
        )
    elif not inside:
        why = f"{beside.name} beside the file has no DAG"
        step = f"see whether {beside.name} can be imported, or write dag: and the id of a DAG of another file"
    else:
        why = f"{beside.name} beside the file has {len(inside)} DAGs: {enumerate_some(inside)}"
        step = f"write dag: {inside[0]}, and put the cases of another DAG into a file such as {_split_name(casefile, inside)}"
    return f"it is not clear which DAG is meant: {why}\n  next: {step}"


def _split_name(casefile: CaseFile, inside: list[str]) -> str:
    return f"{casefile.path.name.removesuffix(ENDING)}.{inside[1]}{ENDING}"
