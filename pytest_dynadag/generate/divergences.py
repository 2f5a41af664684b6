"""Divergences: what differed between generations, because of which circumstance, and where; and the verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pytest_dynadag.findings import RULES, Finding, add_references
from pytest_dynadag.location import Location


@dataclass(frozen=True, slots=True)
class Divergence:
    """
    A difference between generations.

    Attributes:
        rule: The code of the finding.
        dag_id: The DAG; None where it is about the file.
        circumstance: What caused it, by name; several joined by ` and ` where only together they do.
        pointer: JSON pointer to what differs.
        baseline, changed: What it was in the neutral generation, and in the other; secrets are masked.
        under: In words, the two circumstances.
        location: The line to change; None where it is not known.
        via: The line of the DAG file that led there, where it is in another file.
        source: The text of that line.
        is_guess: Whether the line was found by comparison and not by trying.
        order_only: Whether a list had the same elements in another order.
        seen_by_airflow: Whether Airflow's own dag_hash noticed; None where it has none.
    """

    rule: str
    dag_id: str | None
    circumstance: str
    pointer: str
    baseline: Any
    changed: Any
    under: tuple[str, str] = ("", "")
    location: Location | None = None
    via: Location | None = None
    source: str = ""
    is_guess: bool = False
    order_only: bool = False
    seen_by_airflow: bool | None = None

    @property
    def finding(self) -> Finding:
        """The divergence as a finding."""
        from pytest_dynadag.generate.describing import describe_remedy, describe_what

        return Finding(self.rule, self.dag_id, self.location, describe_what(self), describe_remedy(self))

    def to_dict(self) -> dict[str, Any]:
        """Give the divergence as JSON."""
        data = {name: getattr(self, name) for name in _PLAIN}
        places = {"location": self.location, "via": self.via}
        return {
            **data,
            "under": list(self.under),
            **{name: place.to_dict() if place else None for name, place in places.items()},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Divergence:
        """Read what `to_dict` wrote."""
        location, via = (
            Location.from_dict(data[name]) if data[name] else None for name in ("location", "via")
        )
        plain = {name: data[name] for name in _PLAIN}
        return cls(**plain, under=tuple(data["under"]), location=location, via=via)


_PLAIN = (
    "rule",
    "dag_id",
    "circumstance",
    "pointer",
    "baseline",
    "changed",
    "source",
    "is_guess",
    "order_only",
    "seen_by_airflow",
)


@dataclass(frozen=True, slots=True, repr=False)
class FileVerdict:
    """
    Whether one DAG file gives the same DAGs under every circumstance.

    Attributes:
        path: The file.
        divergences: What differs, the first cause first.
        hints: Warnings of Airflow's own static checker (3.2 and later), each with its place.
        not_checked: What could not be found out, each in a sentence.
    """

    path: str
    divergences: tuple[Divergence, ...] = ()
    hints: tuple[str, ...] = ()
    not_checked: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<FileVerdict of {Path(self.path).name}: {len(self.divergences)} divergences>"

    def to_dict(self) -> dict[str, Any]:
        """Give the verdict as JSON."""
        return {
            "path": self.path,
            "divergences": [entry.to_dict() for entry in self.divergences],
            "hints": list(self.hints),
            "not_checked": list(self.not_checked),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> FileVerdict:
        """Read what `to_dict` wrote."""
        return cls(
            data["path"],
            tuple(map(Divergence.from_dict, data["divergences"])),
            tuple(data["hints"]),
            tuple(data["not_checked"]),
        )


@dataclass(frozen=True, repr=False)
class Determinism:
    """
    Whether DAG files give the same DAGs under every circumstance.

    Attributes:
        files: The verdict on each file.
        generations: How many generations were compared.
        circumstances: Which circumstances were varied.
        not_checked: What was not varied, each in a sentence.
        seconds: How long it took.
    """

    files: tuple[FileVerdict, ...] = ()
    generations: int = 0
    circumstances: tuple[str, ...] = ()
    not_checked: tuple[str, ...] = ()
    seconds: float = 0.0

    def __repr__(self) -> str:
        return (
            f"<Determinism of {len(self.files)} files over {self.generations} generations: "
            f"{len(self.divergences)} divergences>"
        )

    @property
    def ok(self) -> bool:
        """Whether nothing differs."""
        return not self.divergences

    @property
    def divergences(self) -> tuple[Divergence, ...]:
        """What differs, in all files."""
        return tuple(entry for file in self.files for entry in file.divergences)

    def about(self, path: str, dag_id: str | None = None) -> Determinism:
        """Give the part that is about one file, or about one DAG in it (what is about the whole file included)."""
        files = tuple(_narrow(file, dag_id) for file in self.files if file.path == path)
        return replace(self, files=files)

    def __str__(self) -> str:
        from pytest_dynadag.generate.describing import describe

        return describe(self)

    def to_dict(self) -> dict[str, Any]:
        """Give the verdict as JSON."""
        return {
            "files": [file.to_dict() for file in self.files],
            "generations": self.generations,
            "circumstances": list(self.circumstances),
            "not_checked": list(self.not_checked),
            "seconds": self.seconds,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Determinism:
        """Read what `to_dict` wrote."""
        return cls(
            tuple(map(FileVerdict.from_dict, data["files"])),
            data["generations"],
            tuple(data["circumstances"]),
            tuple(data["not_checked"]),
            data["seconds"],
        )


class NotDeterministicError(AssertionError):
    """DAG files that are not the same under every circumstance; *determinism* is the whole verdict."""

    def __init__(self, determinism: Determinism) -> None:
        self.determinism = determinism
        super().__init__(add_references(str(determinism), self.findings))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The divergences as findings."""
        return tuple(entry.finding for entry in self.determinism.divergences)


def count_rules(divergences: Iterable[Divergence]) -> dict[str, int]:
    """Count divergences by rule, in the order of the rules."""
    counted = Counter(entry.rule for entry in divergences)
    return {rule: counted[rule] for rule in RULES if rule in counted}


def _narrow(file: FileVerdict, dag_id: str | None) -> FileVerdict:
    if dag_id is None:
        return file
    kept = tuple(entry for entry in file.divergences if entry.dag_id in {None, dag_id})
    return replace(file, divergences=kept)
