"""Snapshots of cases without `expect`: where they are, how they are compared, and what becomes of those without a case."""

# A case is no test function, so syrupy cannot know which case a file belongs to and whether that case was left out:
# beside the other snapshots it would delete those of cases that did not run. So cases have a folder that syrupy
# does not look into; its options hold there too.

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_dynadag.plugin.recording import recording_of
from pytest_dynadag.plugin.session import session_of
from pytest_dynadag.plugin.snapshot import leaves_tests_out

if TYPE_CHECKING:
    from pytest_dynadag.cases.casefile import Case
    from pytest_dynadag.cases.verdict import Run
    from pytest_dynadag.graph.expansion import Expansion

GIVING = ("given", "states", "params", "conf", "variables", "connections", "env", "at")
"""The sections of a case that say what is given."""
CASES_FOLDER = "__dynadag_snapshots__"
"""Beside a case file: the folder with the snapshots of its cases."""
ENDING = ".dynadag"
LONGEST_NAME = 100
"""Characters of a file name that stem from a case's name."""

UPDATE = "next: if that is meant, pass --snapshot-update, and look at the changed file before you commit it"
UNUSED = "delete them, or pass --snapshot-update to have them deleted"
CREATE = "next: pass --snapshot-update to write it, look at it, and commit it"


@dataclass(frozen=True)
class CaseSnapshots:
    """
    The snapshots of the cases in one case file.

    Attributes:
        casefile: The case file.
        root: The project's folder.
        update: Whether a snapshot that differs is written anew.
        create: Whether one that is missing is written.
        note: Is told the name of a snapshot that is not as it was, its text before and now, and whether that
            is written.
    """

    casefile: Path
    root: Path
    update: bool = False
    create: bool = False
    note: Callable[..., None] = lambda *texts, updated: None

    @classmethod
    def of(cls, casefile: Path, config: pytest.Config) -> CaseSnapshots:
        """Give the store of a case file, as syrupy's options want it."""
        note = recording_of(session_of(config)).note_snapshot
        update = bool(config.getoption("update_snapshots", False))
        new_only = bool(config.getoption("update_new_snapshots_only", False))
        return cls(casefile, config.rootpath, update, update or new_only, note)

    @property
    def folder(self) -> Path:
        """Where the snapshots of this case file are."""
        from pytest_dynadag.cases.casefile import ENDING as ENDING_OF_CASEFILES

        name = self.casefile.name.removesuffix(ENDING_OF_CASEFILES)
        return self.casefile.parent / CASES_FOLDER / name

    def locate(self, case: Case) -> Path:
        """Give the file of a case."""
        return self.folder / f"{make_file_name(case.name)}{ENDING}"

    def check(self, case: Case, dag_id: str, subject: Expansion | Run) -> None:
        """
        Compare what a DAG became in *case* with the snapshot, or write that.

        Raises:
            CaseFailure: It is another one, or there is none.
        """
        from pytest_dynadag.cases.document import Problem
        from pytest_dynadag.cases.verdict import CaseFailure
        from pytest_dynadag.graph.expansion import Expansion
        from pytest_dynadag.render.snapshot import write_snapshot

        path = self.locate(case)
        text = write_snapshot(subject, given=digest_case(case), root=str(self.root))
        known = path.read_text(encoding="utf-8") if path.exists() else None
        if known == text:
            return
        written = self.create if known is None else self.update
        self.note(shorten(path, self.root), known or "", text, updated=written)
        if written:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            return
        problem = Problem(
            case.location, "\n  ".join(describe_mismatch(shorten(path, self.root), known, text))
        )
        if isinstance(subject, Expansion):
            raise CaseFailure(case, dag_id, (problem,), subject)
        raise CaseFailure(case, dag_id, (problem,), subject.expansion, subject)

    def find_unused(self, cases: Iterable[Case]) -> tuple[Path, ...]:
        """Give the files that belong to none of *cases*, which are all of the case file."""
        used = {self.locate(case) for case in cases if case.expect is None}
        return tuple(path for path in sorted(self.folder.glob(f"*{ENDING}")) if path not in used)


def find_orphans(path: Path) -> tuple[Path, ...]:
    """Give the snapshots of a case file that is gone, if *path* is the first of them: it stands for all."""
    folder = path.parent
    if path.suffix != ENDING or folder.parent.name != CASES_FOLDER or locate_casefile(folder).exists():
        return ()
    snapshots = tuple(sorted(folder.glob(f"*{ENDING}")))
    return snapshots if path == snapshots[0] else ()


def locate_casefile(folder: Path) -> Path:
    """Give the case file whose snapshots are in *folder*, whether it is there or not."""
    from pytest_dynadag.cases.casefile import ENDING as ENDING_OF_CASEFILES

    return folder.parents[1] / f"{folder.name}{ENDING_OF_CASEFILES}"


def treat_unused(paths: Sequence[Path], config: pytest.Config, owner: str) -> None:
    """
    Delete, warn of or complain about files that belong to *owner*, as syrupy's options say.

    A session that leaves tests out deletes nothing.

    Raises:
        CheckFailure: There are some, and no option says that they may be.
    """
    from pytest_dynadag.plugin.checks import CheckFailure

    if config.getoption("disable_unused_snapshots", False):
        return
    if config.getoption("update_snapshots", False):
        if not (config.getoption("no_cleanup", False) or leaves_tests_out(config)):
            _delete(paths)
            recording_of(session_of(config)).note_deleted(shorten(path, config.rootpath) for path in paths)
        return
    number = f"{len(paths)} snapshots belong" if len(paths) > 1 else "1 snapshot belongs"
    files = "".join(f"\n  {shorten(path, config.rootpath)}" for path in paths)
    message = f"{number} to {owner}:{files}\n  next: {UNUSED}"
    if not config.getoption("warn_unused_snapshots", False):
        raise CheckFailure(message, ())
    warnings.warn(pytest.PytestWarning(message), stacklevel=2)


def _delete(paths: Sequence[Path]) -> None:
    """Delete files of one folder, and what is empty then."""
    for path in paths:
        path.unlink(missing_ok=True)
    for folder in paths[0].parents[:2]:
        with suppress(OSError):  # it holds others
            folder.rmdir()


def make_file_name(name: str) -> str:
    """Give a file name that every system can hold, and that no other case of the file has."""
    from pytest_dynadag.render.values import digest_text

    plain = re.sub(r"[^\w\-. ]+", "_", name)[:LONGEST_NAME].strip(". ")
    return plain if plain == name.lower() else f"{plain} {digest_text(name)[:6]}".strip()


def digest_case(case: Case) -> str:
    """Give a digest of what a case gives."""
    from pytest_dynadag.render.snapshot import digest_given

    return digest_given({name: getattr(case, name) for name in GIVING})


def describe_mismatch(path: str, known: str | None, text: str) -> Iterator[str]:
    """Say in words how *text* differs from the snapshot in *path*, and what to do; *known* is None if it is missing."""
    from pytest_dynadag.render.changes import describe_changes

    if known is None:
        yield from (f"there is no snapshot {path}", CREATE)
        return
    yield f"the snapshot {path} says otherwise:"
    yield from (f"  {line}" for line in describe_changes(known, text))
    yield UPDATE


def shorten(path: Path, root: Path) -> str:
    """Write *path* from the project's folder on, if it lies there."""
    return str(path.relative_to(root) if path.is_relative_to(root) else path)
