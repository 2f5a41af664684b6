"""The generation record: what one parse of DAG files gave, as plain data that travels between processes."""

# JSON rather than pickle: a record is read by every xdist worker, and must not be able to run anything.

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pytest_dynadag.errors import UnknownNameError
from pytest_dynadag.findings import Finding
from pytest_dynadag.graph.structure import Structure

_MOST_FAILED = 3
FORMAT = 1
"""Version of the JSON form of a generation."""


@dataclass(frozen=True, slots=True)
class Root:
    """Where DAG files are looked for: a folder or a file, and *why* there, in a few words."""

    path: Path
    why: str

    def to_dict(self) -> dict[str, Any]:
        """Give the root as JSON."""
        return {"path": str(self.path), "why": self.why}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Root:
        """Read what `to_dict` wrote."""
        return cls(Path(data["path"]), data["why"])


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a file, or a DAG in it, is not as it should be; *detail* is the end of a traceback or of its output."""

    finding: Finding
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.finding}\n\n{self.detail}" if self.detail else str(self.finding)

    def to_dict(self) -> dict[str, Any]:
        """Give the failure as JSON."""
        return {"finding": self.finding.to_dict(), "detail": self.detail}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Failure:
        """Read what `to_dict` wrote."""
        return cls(Finding.from_dict(data["finding"]), data["detail"])


@dataclass(frozen=True, slots=True, repr=False)
class FileRecord:
    """
    What one DAG file gave.

    Attributes:
        path: The file, absolute.
        structures: Its DAGs, by dag_id.
        failures: Why it, or one of its DAGs, is not as it should be.
        seconds: How long it took to load.
        warnings: What it warned about, each with its place.
        parses: What determinism compares, as JSON, each DAG packed: of a generation with varied circumstances.
        changed: What it changed of the modules that everybody uses, such as `json.dumps`.
    """

    path: str
    structures: tuple[Structure, ...] = ()
    failures: tuple[Failure, ...] = ()
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    parses: tuple[Any, ...] = ()
    changed: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return (
            f"<FileRecord {Path(self.path).name}: {len(self.structures)} DAGs, {len(self.failures)} failures>"
        )

    @property
    def is_unloaded(self) -> bool:
        """Whether nothing is known of the DAGs in it, because it did not load."""
        return bool(self.failures) and not self.structures

    @property
    def is_harmless(self) -> bool:
        """Whether the process of the tests may load the file: it neither hung nor ended its process."""
        return not any(failure.finding.rule in {"DYN402", "DYN404"} for failure in self.failures)

    def to_dict(self) -> dict[str, Any]:
        """Give the record as JSON."""
        return {
            "path": self.path,
            "structures": [structure.to_dict() for structure in self.structures],
            "failures": [failure.to_dict() for failure in self.failures],
            "seconds": self.seconds,
            "warnings": list(self.warnings),
            "parses": list(self.parses),
            "changed": list(self.changed),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> FileRecord:
        """Read what `to_dict` wrote."""
        return cls(
            data["path"],
            tuple(map(Structure.from_dict, data["structures"])),
            tuple(map(Failure.from_dict, data["failures"])),
            data["seconds"],
            tuple(data["warnings"]),
            tuple(data.get("parses", ())),
            tuple(data.get("changed", ())),
        )


@dataclass(frozen=True, eq=False, repr=False)
class Generation:
    """
    One parse of DAG files.

    Attributes:
        airflow_version: The Airflow that parsed them.
        files: What each file gave, in the order in which they were loaded.
        seconds: How long it took, from the start of the first process to the end of the last.
        roots: Where files were looked for.
        notes: What a reader should know: names let through the isolation, processes started again.
    """

    airflow_version: str
    files: tuple[FileRecord, ...] = ()
    seconds: float = 0.0
    roots: tuple[Root, ...] = ()
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        failed = sum(1 for record in self.files if record.failures)
        return f"<Generation: {len(self.files)} files, {len(self.dags)} DAGs, {failed} files failed>"

    @cached_property
    def by_path(self) -> dict[str, FileRecord]:
        """Every file's record by its absolute path."""
        return {record.path: record for record in self.files}

    @cached_property
    def dags(self) -> dict[str, tuple[FileRecord, Structure]]:
        """Every DAG by its dag_id, with its file; of several files with one dag_id, the first."""
        found: dict[str, tuple[FileRecord, Structure]] = {}
        for record in self.files:
            for structure in record.structures:
                found.setdefault(structure.dag_id, (record, structure))
        return found

    def file(self, path: Path) -> FileRecord | None:
        """Give the record of the file *path*, None where the generation does not have it."""
        return self.by_path.get(str(path))

    def find(self, dag_id: str) -> tuple[FileRecord, Structure]:
        """
        Give the file and the structure of a DAG.

        Raises:
            UnknownNameError: No file defined it; the message names the nearest.
        """
        if dag_id in self.dags:
            return self.dags[dag_id]
        raise UnknownNameError(
            "DAG", dag_id, self.dags, where=describe_roots(self.roots), note=self._tell_failed()
        )

    def _tell_failed(self) -> str:
        """Name the files that may have the DAG that is looked for, but did not load."""
        failed = [record.path for record in self.files if record.is_unloaded]
        shown = ", ".join(failed[:_MOST_FAILED])
        more = f" and {len(failed) - _MOST_FAILED} more" if len(failed) > _MOST_FAILED else ""
        return f"not known is what is in files that could not be loaded: {shown}{more}" if failed else ""

    def to_dict(self) -> dict[str, Any]:
        """Give the generation as JSON."""
        return {
            "format": FORMAT,
            "airflow": self.airflow_version,
            "files": [record.to_dict() for record in self.files],
            "seconds": self.seconds,
            "roots": [root.to_dict() for root in self.roots],
            "notes": list(self.notes),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Generation:
        """
        Read what `to_dict` wrote.

        Raises:
            ValueError: The data has another format version.
        """
        if data.get("format") != FORMAT:
            raise ValueError(f"generation format {data.get('format')!r}, but this version reads {FORMAT}")
        return cls(
            data["airflow"],
            tuple(map(FileRecord.from_dict, data["files"])),
            data["seconds"],
            tuple(map(Root.from_dict, data["roots"])),
            tuple(data["notes"]),
        )


def describe_roots(roots: Iterable[Root]) -> str:
    """Say where DAG files were looked for."""
    return ", ".join(str(root.path) for root in roots) or "no DAG folder"
