"""What the tests of this process planned, ran and found, noted down for the reports."""

# Each process of a session writes lines of JSON to a file of its own in the session's folder: reports of xdist's
# workers carry what fits a property, and expansions do not. The process that controls the session reads them all.

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_dynadag.findings import Finding, add_references
from pytest_dynadag.plugin.properties import ALLOWED, CHECK, NOT_CHECKED, SNAPSHOT, TEST

if TYPE_CHECKING:
    from pytest_dynadag.allowances import Accepted
    from pytest_dynadag.generate.divergences import Divergence
    from pytest_dynadag.graph.expansion import Expansion
    from pytest_dynadag.graph.structure import Structure
    from pytest_dynadag.plugin.session import DagSession
    from pytest_dynadag.run.runner import Run

FIXTURES = frozenset(["dynadag", "dynadag_snapshot"])
FOLDER = "recorded"
"""Below the session's folder."""
WIDEST_LENGTHS = 500
"""Characters of the property that says how many instances the tasks of a test had."""

_RECORDING = pytest.StashKey["Recording"]()


def recording_of(session: DagSession) -> Recording:
    """Give the one recording of this process."""
    stash = session.config.stash
    if _RECORDING not in stash:
        stash[_RECORDING] = Recording(session, wanted=session.options.is_recorded)
    return stash[_RECORDING]


@dataclass(eq=False, repr=False)
class Recording:
    """
    Notes what happens while an item runs; also a plugin that follows which item that is.

    *wanted* says whether anybody reads what became of DAGs: otherwise only findings are noted.
    """

    session: DagSession
    wanted: bool
    item: pytest.Item | None = None
    names: Counter[str] = field(default_factory=Counter)
    structures: set[str] = field(default_factory=set)

    def __repr__(self) -> str:
        return f"<Recording of {self.session.worker!r}: {len(self.structures)} structures>"

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Follow which item runs; a test that uses our fixtures is a check, whatever it does with them."""
        with self.following(item):
            if FIXTURES.intersection(getattr(item, "fixturenames", ())):
                self._take_for_check()
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Note the findings that a failure carries, and the snapshots that a test found changed."""
        if call.excinfo is not None:
            self._note_failure(call.excinfo.value)
        if call.when == "call":
            self._note_compared(getattr(item, "funcargs", {}).get("dynadag_snapshot"))
        return (yield)

    @contextmanager
    def following(self, item: pytest.Item) -> Iterator[None]:
        """Know for a while which item runs; also for a fixture, in a session that does not follow every item."""
        if self.item is item:
            yield
            return
        self.item = item
        self.names.clear()
        try:
            yield
        finally:
            self.item = None

    # -- what is noted --------------------------------------------------------------------------------

    def note_plan(self, structure: Structure, expansion: Expansion) -> None:
        """Note a plan."""
        self._note_expansion("plan", structure, expansion)

    def note_run(self, find_structure: Callable[[], Structure], run: Run) -> None:
        """Note a run and what was found in it."""
        if self.item is not None:
            if not run.success and not hasattr(self.item, "check"):  # our own checks say it in their messages
                said = "\n".join([*([run.describe()] if run.errors else []), *map(str, run.findings)])
                self.item.add_report_section(
                    "call", f"run of {run.dag_id!r}", add_references(said, run.findings)
                )
            self._note_expansion(
                "run",
                find_structure(),
                run.expansion,
                state=run.state,
                seconds=run.seconds,
                secrets=run.secrets,
            )
            self.note_findings(run.findings)
            self.note_accepted(run.allowed)

    def note_sizes(self, kind: str, structure: Structure, plans: Mapping[str, Expansion]) -> None:
        """Note the plans for several lengths; *kind* is `sizes`, or `expands` for the check of that name."""
        for name, expansion in plans.items():
            self._note_expansion(kind, structure, expansion, name=name)

    def note_findings(self, findings: Iterable[Finding]) -> None:
        """Note findings; see `note_finding`."""
        for finding in findings:
            self.note_finding(finding)

    def note_finding(
        self, finding: Finding, *, allowed: str | None = None, circumstance: str | None = None
    ) -> None:
        """Note a finding, the reason why it is accepted if it is, and what it depends on; properties name it."""
        self._add_property("dynadag_dag", finding.dag_id)
        if allowed is None:
            self._add_property("dynadag_rule", finding.rule)
            self._add_property("dynadag_circumstance", circumstance)
        self._write("finding", allowed=allowed, circumstance=circumstance, **finding.to_dict())

    def note_accepted(self, accepted: Iterable[Accepted]) -> None:
        """Note findings that are accepted, each with the reason, which is shown at the end of the session."""
        for finding, reason in accepted:
            self.note_finding(finding, allowed=reason)
            self._add_property(ALLOWED, f"{finding.rule} {finding.location or finding.dag_id}: {reason}")

    def note_not_checked(self, lines: Iterable[str]) -> None:
        """Note what was not checked, each with the reason, which is shown at the end of the session."""
        for line in lines:
            self._add_property(NOT_CHECKED, line)

    def note_divergences(self, divergences: Iterable[Divergence]) -> None:
        """Note divergences as findings, each with the circumstance it depends on."""
        for divergence in divergences:
            self.note_finding(divergence.finding, circumstance=divergence.circumstance)

    def _note_failure(self, failure: BaseException) -> None:
        """Note what a failure carries: divergences, findings, those of the expansion that is not as expected."""
        self.note_divergences(getattr(getattr(failure, "determinism", None), "divergences", ()))
        self.note_findings(getattr(failure, "findings", ()))
        self.note_findings(getattr(getattr(failure, "expansion", None), "findings", ()))

    def note_snapshot(self, name: str, before: str, after: str, *, updated: bool) -> None:
        """
        Note a snapshot of a case that is not as it was; *before* is empty for a new one.

        That it is written is shown at the end of the session: of those of tests, syrupy says so.
        """
        if updated:
            self._add_property(SNAPSHOT, f"{'changed' if before else 'written'}: {name}")
        self._write_snapshot(name, before, after, updated=updated)

    def note_deleted(self, names: Iterable[str]) -> None:
        """Note snapshots of cases that are deleted, which is shown at the end of the session."""
        for name in names:
            self._add_property(SNAPSHOT, f"deleted: {name}")

    def _write_snapshot(self, name: str, before: str, after: str, *, updated: bool) -> None:
        self._write("snapshot", name=name, before=before, after=after, updated=updated)

    def _note_compared(self, assertion: Any) -> None:
        """Note what syrupy compared in a test with the fixture's *assertion*, where it was not as it was."""
        for result in getattr(assertion, "executions", {}).values():
            before, after = result.recalled_data or "", result.asserted_data
            if isinstance(after, str) and before != after:
                written = bool(result.created or result.updated)
                self._write_snapshot(result.snapshot_name, str(before), after, updated=written)

    def _note_expansion(
        self,
        kind: str,
        structure: Structure,
        expansion: Expansion,
        *,
        name: str = "",
        state: str | None = None,
        seconds: float = 0.0,
        secrets: frozenset[str] = frozenset(),
    ) -> None:
        if kind in {"plan", "run"}:
            lengths = " ".join(f"{t.task_id}={'?' if t.count is None else t.count}" for t in expansion)
            self._add_property("dynadag_dag", expansion.dag_id)
            self._add_property("dynadag_lengths", lengths[:WIDEST_LENGTHS])
        if not self.wanted or self.item is None:
            return
        from pytest_dynadag.render.hiding import hide_in_expansion

        self.names[kind] += 1
        repeated = f"{kind} {self.names[kind]}" if self.names[kind] > 1 else kind
        self._note_structure(structure)
        self._write(
            "expansion",
            name=name or repeated,
            kind=kind,
            structure=structure.digest,
            state=state,
            seconds=seconds,
            expansion=hide_in_expansion(expansion, secrets),
        )

    def _note_structure(self, structure: Structure) -> None:
        """Note a structure, once in this process."""
        if structure.digest in self.structures:
            return
        from pytest_dynadag.render.hiding import hide_in_structure

        self.structures.add(structure.digest)
        self._write("dag", digest=structure.digest, structure=hide_in_structure(structure))

    def _add_property(self, name: str, value: str | None) -> None:
        """Add a property to the report of the item that runs, unless it has it already."""
        if value and self.item is not None and (name, value) not in self.item.user_properties:
            self.item.user_properties.append((name, value))

    def _take_for_check(self) -> None:
        """Say in the report of the item that it is a check: a test function that uses what is ours is one, too."""
        if self.item is not None and CHECK not in dict(self.item.user_properties):
            self.item.user_properties.append((CHECK, TEST))

    def _write(self, what: str, **data: Any) -> None:
        if self.item is None:
            return
        self._take_for_check()
        line = json.dumps({"what": what, "nodeid": self.item.nodeid, **data})
        folder = self.session.folder / FOLDER
        folder.mkdir(exist_ok=True)
        with (folder / f"{self.session.worker}.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def read_recorded(folder: Path) -> Iterator[dict[str, Any]]:
    """Give what every process noted below the session's *folder*, a process after the other, in their order."""
    for path in sorted((folder / FOLDER).glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            with suppress(json.JSONDecodeError):  # a process that died left the beginning of a line
                yield json.loads(line)
