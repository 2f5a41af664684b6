"""A DAG file that could not be loaded, and cases that give what it asks for: Variables, Connections, environment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_dynadag.cases.casefile import Case, CaseFile, resolve_dag
from pytest_dynadag.errors import DynadagError
from pytest_dynadag.location import Location

if TYPE_CHECKING:
    from pytest_dynadag.generate.records import FileRecord
    from pytest_dynadag.plugin.facade import Dynadag


@dataclass(frozen=True)
class Unloaded:
    """The *record* of a DAG file that did not load by itself, and the case file beside it."""

    record: FileRecord
    casefile: CaseFile

    @property
    def path(self) -> Path:
        """The DAG file."""
        return Path(self.record.path)

    @property
    def name(self) -> str:
        """What the cases stand under: the DAG that their file names, or else the name of the DAG file."""
        return self.casefile.dag or self.path.stem

    @property
    def able(self) -> Sequence[Case]:
        """The cases with which the file may load."""
        changing = (c for c in self.casefile.cases if c.variables or c.connections or c.env)
        return list(changing) if self.record.is_harmless else []

    @property
    def error(self) -> DynadagError:
        """What is to be said of the other cases."""
        why = f"{Location(str(self.casefile.path))}: {self.path} could not be loaded"
        return DynadagError(f"{why}\n  next: see {self.path}::imports")

    def find_dag(self, case: Case, dynadag: Dynadag) -> str:
        """
        Give the DAG that the file has with what *case* gives: the one that is named, or the only one.

        Raises:
            CaseFileError: It has no such DAG, or several.
            DynadagError: It does not load with that either.
        """
        given = {"variables": case.variables, "connections": case.connections, "env": case.env}
        bag = dynadag.load(self.path, **given)
        if bag.import_errors and self.casefile.dag not in bag.dags:
            why = "\n  ".join(text.partition("\n\n")[0] for text in bag.import_errors.values())
            raise DynadagError(
                f"{case.location}: with what the case gives, the file does not load either\n  {why}"
            )
        return resolve_dag(self.casefile, dict.fromkeys(bag.dags, self.path))
