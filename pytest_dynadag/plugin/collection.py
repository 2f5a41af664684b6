"""What pytest collects from DAG files and case files: files, DAGs, and the checks of each."""

# What there is to collect comes from the generation record, never from a parse of our own: every xdist worker
# collects the same, however unstable the DAGs are.

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from _pytest._code.code import (
    ReprEntryNative,
    ReprExceptionInfo,
    ReprFileLocation,
    ReprTraceback,
    TerminalRepr,
)

from pytest_dynadag.cases.casefile import Case, find_dag_file, is_casefile, read_casefile, resolve_dag
from pytest_dynadag.cases.casefile import CaseFile as Cases
from pytest_dynadag.cases.verdict import CaseFailure, check_case
from pytest_dynadag.errors import DynadagError
from pytest_dynadag.generate.records import FileRecord, Generation
from pytest_dynadag.graph.given import Given
from pytest_dynadag.graph.sizes import look_ahead
from pytest_dynadag.graph.structure import Structure
from pytest_dynadag.location import Location
from pytest_dynadag.plugin.case_snapshots import CaseSnapshots, find_orphans, locate_casefile, treat_unused
from pytest_dynadag.plugin.checks import CheckFailure, check_expansions, check_imports
from pytest_dynadag.plugin.determining import check_deterministic
from pytest_dynadag.plugin.fixtures import dynadag_of
from pytest_dynadag.plugin.properties import CHECK
from pytest_dynadag.plugin.recording import recording_of
from pytest_dynadag.plugin.roots import is_test_file
from pytest_dynadag.plugin.session import session_of
from pytest_dynadag.plugin.unloaded import Unloaded
from pytest_dynadag.printable import escape
from pytest_dynadag.secrecy import hide


class DagCollection:
    """Offers the checks of the DAG files that a generation names, and the cases beside them."""

    def __init__(self, generation: Generation) -> None:
        self.generation = generation
        self.folders = {folder for record in generation.files for folder in Path(record.path).parents}

    def __repr__(self) -> str:
        return f"<DagCollection of {self.generation!r}>"

    def offer_directory(self, path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        """Keep pytest from importing a package, Airflow's own included, for the sake of DAG files in it."""
        if path in self.folders and (path / "__init__.py").is_file():
            return pytest.Dir.from_parent(parent, path=path)
        return None

    def offer_file(self, path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        """Give the collector of a DAG file or a case file; None for every other file."""
        record = self.generation.file(path)
        if record is not None:
            return DagFile.from_parent(parent, path=path, record=record)
        if is_casefile(path) and self._is_in_place(find_dag_file(path)):
            return CaseFile.from_parent(parent, path=path, generation=self.generation)
        if orphans := find_orphans(path):
            return self._offer_orphans(orphans, parent)
        return None

    def _offer_orphans(self, paths: Sequence[Path], parent: pytest.Collector) -> pytest.Collector | None:
        if not self._is_in_place(find_dag_file(locate_casefile(paths[0].parent))):
            return None
        return OrphansFile.from_parent(parent, path=paths[0], paths=paths)

    def replace(
        self, path: Path, parent: pytest.Collector, collectors: list[pytest.Collector]
    ) -> list[pytest.Collector]:
        """
        Add what this collection offers for a file to the *collectors* of others.

        The module that pytest makes of a DAG file only because the command line names it is left out: it would
        import the file, and Airflow with it.
        """
        own = self.offer_file(path, parent)
        if isinstance(own, DagFile) and not is_test_file(path, parent.config):
            collectors = [collector for collector in collectors if not isinstance(collector, pytest.Module)]
        return [*collectors, own] if own else collectors

    def _is_in_place(self, dag_file: Path | None) -> bool:
        """A case file whose DAG file is left out (.airflowignore) is left out with it."""
        return dag_file is None or self.generation.file(dag_file) is not None


class DagFile(pytest.File):
    """A DAG file."""

    def __init__(self, *, record: FileRecord, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.record = record

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        """Give the check of the file and the DAGs in it."""
        yield ImportsItem.from_parent(self, name="imports", record=self.record)
        for structure in self.record.structures:
            yield DagNode.from_parent(self, name=structure.dag_id, structure=structure)


class DagNode(pytest.Collector):
    """A DAG of a DAG file."""

    def __init__(self, *, structure: Structure, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.structure = structure

    def collect(self) -> Iterator[pytest.Item]:
        """Give the checks of the DAG."""
        yield DeterministicItem.from_parent(self, name="deterministic", structure=self.structure)
        yield ExpandsItem.from_parent(self, name="expands", structure=self.structure)


class CaseFile(pytest.File):
    """A case file."""

    def __init__(self, *, generation: Generation, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.generation = generation

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        """Give the DAG that the cases are about; a file that cannot be read gives one item that says why."""
        try:
            casefile = read_casefile(self.path)
            if unloaded := self._find_unloaded(casefile):
                yield from self._collect_unloaded(unloaded)
            else:
                files = {dag_id: record.path for dag_id, (record, _) in self.generation.dags.items()}
                yield CasesNode.from_parent(self, name=resolve_dag(casefile, files), cases=casefile.cases)
        except DynadagError as error:
            yield UnreadableCasesItem.from_parent(self, name="cases", error=error)

    def _find_unloaded(self, casefile: Cases) -> Unloaded | None:
        """Give the DAG file beside, if it could not be loaded and no other has the DAG."""
        beside = find_dag_file(self.path)
        record = self.generation.file(beside) if beside else None
        if record is None or not record.is_unloaded or casefile.dag in self.generation.dags:
            return None
        return Unloaded(record, casefile)

    def _collect_unloaded(self, unloaded: Unloaded) -> Iterator[pytest.Item | pytest.Collector]:
        """Give the cases with which the DAG file may load, and one item for the others, which points to the file."""
        if len(unloaded.able) < len(unloaded.casefile.cases):
            yield UnreadableCasesItem.from_parent(self, name="cases", error=unloaded.error)
        if unloaded.able:
            yield CasesNode.from_parent(self, name=unloaded.name, cases=unloaded.able, unloaded=unloaded)


class CasesNode(pytest.Collector):
    """
    The cases of a case file, under the DAG that they are about.

    *unloaded* is the file of the DAG where it may load with what a case gives: *cases* are not all of them then.
    """

    def __init__(self, *, cases: Sequence[Case], unloaded: Unloaded | None = None, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.cases, self.unloaded = cases, unloaded

    def collect(self) -> Iterator[pytest.Item]:
        """Give the cases in the order of the file."""
        for case in self.cases:
            given = {"case": case, "dag_id": self.name, "unloaded": self.unloaded}
            yield CaseItem.from_parent(self, name=escape(case.name), **given)
        if self.unloaded:
            return
        if unused := CaseSnapshots.of(self.path, self.config).find_unused(self.cases):
            owner = "no case without `expect`"
            yield UnusedSnapshotsItem.from_parent(self, name="unused snapshots", paths=unused, owner=owner)


class OrphansFile(pytest.File):
    """The first of the snapshots of a case file that is gone; *paths* are all of them."""

    def __init__(self, *, paths: Sequence[Path], **arguments: Any) -> None:
        super().__init__(**arguments)
        self.paths = paths

    def collect(self) -> Iterator[pytest.Item]:
        """Give the item that names them."""
        owner = "a case file that is gone"
        yield UnusedSnapshotsItem.from_parent(self, name="unused snapshots", paths=self.paths, owner=owner)


class Check(pytest.Item):
    """One check; shows the message of a failure and the place in the user's file, without a traceback."""

    check = ""
    """What kind of check it is: stands among the properties of the report."""

    location_of_check: Location | None = None

    def __init__(self, *, dag_id: str | None = None, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.user_properties.append((CHECK, self.check))
        if dag_id is not None:
            self.user_properties.append(("dynadag_dag", dag_id))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Give the place in the user's file, and what is checked."""
        place = self.location_of_check
        own = place is not None and place.file == str(self.path)
        title = f"{self.path.name}::{self.nodeid.partition('::')[2]}"
        return self.path, (place.line - 1 if place and own else 0), title

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None
    ) -> str | TerminalRepr:
        """Show what a check says; what nobody expected is shown with its traceback."""
        if isinstance(excinfo.value, (CheckFailure, CaseFailure, DynadagError)):
            return present(str(excinfo.value), self.config.rootpath, find_place(excinfo.value))
        return super().repr_failure(excinfo, style)


class ImportsItem(Check):
    """Checks that a DAG file loads."""

    check = "imports"

    def __init__(self, *, record: FileRecord, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.record = record
        if record.failures:
            self.location_of_check = record.failures[0].finding.location

    def runtest(self) -> None:
        """Look into the record."""
        session = session_of(self.config)
        recording_of(session).note_accepted(check_imports(self.record, session.allowances))


class DeterministicItem(Check):
    """Checks that a DAG is the same under every circumstance."""

    check = "deterministic"

    def __init__(self, *, structure: Structure, **arguments: Any) -> None:
        super().__init__(dag_id=structure.dag_id, **arguments)
        self.structure = structure
        self.location_of_check = structure.location

    def runtest(self) -> None:
        """Look into the verdict on the whole session's files."""
        session = session_of(self.config)
        left, accepted = check_deterministic(session, self.path, self.structure.dag_id)
        recording_of(session).note_accepted(accepted)
        recording_of(session).note_not_checked(left.not_checked)
        if not left.ok:
            recording_of(session).note_divergences(left.divergences)
            raise CheckFailure(str(left), (entry.finding for entry in left.divergences))


class ExpandsItem(Check):
    """Checks that a DAG expands, whatever the lengths of its run-time sources."""

    check = "expands"

    def __init__(self, *, structure: Structure, **arguments: Any) -> None:
        super().__init__(dag_id=structure.dag_id, **arguments)
        self.structure = structure
        self.location_of_check = structure.location

    def runtest(self) -> None:
        """Plan the DAG at several sizes; what becomes of it is told too."""
        from pytest_dynadag.bridge.labels import make_labeller

        session = session_of(self.config)
        known = Given(max_map_length=session.max_map_length)
        outlook = look_ahead(self.structure, given=known, label=make_labeller())
        recording_of(session).note_sizes("expands", self.structure, outlook.plans)
        self.add_report_section("call", "sizes", "\n".join([*outlook.lines, *map(str, outlook.notes)]))
        recording_of(session).note_accepted(check_expansions(outlook, session.allowances))


class CaseItem(Check):
    """Checks one case."""

    check = "case"

    def __init__(self, *, case: Case, dag_id: str, unloaded: Unloaded | None, **arguments: Any) -> None:
        super().__init__(dag_id=dag_id, **arguments)
        self.case, self.dag_id, self.unloaded = case, dag_id, unloaded
        self.location_of_check = case.location

    def runtest(self) -> None:
        """Plan or run the DAG with what the case gives, and compare."""
        session, dynadag = session_of(self.config), dynadag_of(self.config)
        dag_id = self.unloaded.find_dag(self.case, dynadag) if self.unloaded else self.dag_id
        subject = check_case(self.case, dynadag, dag_id, allowances=session.allowances)
        if self.case.expect is None:
            CaseSnapshots.of(self.path, self.config).check(self.case, dag_id, subject)


class UnusedSnapshotsItem(Check):
    """Names the snapshots that no case is compared with; there is none where all are in use."""

    check = "snapshots"

    def __init__(self, *, paths: Sequence[Path], owner: str, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.paths, self.owner = paths, owner

    def runtest(self) -> None:
        """Do with them what syrupy's options say."""
        treat_unused(self.paths, self.config, self.owner)


class UnreadableCasesItem(Check):
    """Says why a case file cannot be read."""

    check = "cases"

    def __init__(self, *, error: DynadagError, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.error = error

    def runtest(self) -> None:
        """Say it."""
        raise self.error


def find_place(failure: BaseException) -> Location | None:
    """Give the line of the user's file that a failure is about, None where it names none."""
    about = [*getattr(failure, "findings", ()), *getattr(failure, "problems", ())]
    return next((one.location for one in about if one.location), None)


def present(message: str, root: Path, place: Location | None = None) -> TerminalRepr:
    """
    Give *message* as pytest shows failures, with its first line for the short summary, and short paths.

    *place* is for those who look for it: `--tb=line`, editors, and what annotates pull requests.
    """
    text = hide(message.replace(f"{root}/", ""))
    entry = ReprEntryNative([text + "\n"])
    crash = ReprFileLocation(place.file if place else "", place.line if place else 0, text.partition("\n")[0])
    return ReprExceptionInfo(reprtraceback=ReprTraceback([entry], None, "native"), reprcrash=crash)
