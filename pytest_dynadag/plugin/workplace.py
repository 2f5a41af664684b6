"""Where a process keeps what it loads: the isolated home that Airflow gets, and bags of DAGs, each parsed once or anew."""

from __future__ import annotations

import atexit
import gc
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_dynadag.errors import DynadagError, UnknownNameError, suggest
from pytest_dynadag.graph.text import count_of
from pytest_dynadag.named import Named

if TYPE_CHECKING:
    from pytest_dynadag.bridge.loading import Loaded
    from pytest_dynadag.graph.structure import Structure
    from pytest_dynadag.plugin.session import DagSession

_MOST_FAILED = 3


@dataclass(frozen=True, repr=False)
class Bag:
    """
    What DAG files define.

    Attributes:
        dags: dag_id to Airflow's DAG object.
        import_errors: Path to the text of what failed there.
        bag: Airflow's own DagBag, in memory.
    """

    dags: Mapping[str, Any]
    import_errors: Mapping[str, str]
    bag: Any

    def __repr__(self) -> str:
        errors = count_of(len(self.import_errors), "import error")
        return f"<Bag: {count_of(len(self.dags), 'DAG')}, {errors}>"

    @cached_property
    def structures(self) -> dict[str, Structure]:
        """dag_id to the structure of the DAG."""
        from pytest_dynadag.bridge.extract import structure_of

        return {dag_id: structure_of(dag) for dag_id, dag in self.dags.items()}


class NotLoadedError(DynadagError):
    """A DAG whose file did not give it: *errors* are the import errors of that file, *known* what it has."""

    def __init__(self, dag_id: str, path: str, errors: Mapping[str, str], known: Iterable[str]) -> None:
        self.dag_id, self.path, self.errors, self.known = dag_id, path, dict(errors), tuple(sorted(known))
        why = "\n".join(text.split("\n\n")[0] for text in errors.values()) or suggest(dag_id, self.known)
        super().__init__(f"{path} did not give the DAG {dag_id!r}: {why}")


@dataclass
class Workplace:
    """The part of the harness that lives as long as the process: Airflow's home, and what has been loaded."""

    session: DagSession
    bags: dict[tuple[Path, ...], Bag] = field(default_factory=dict)
    settled: bool = False

    def settle(self) -> None:
        """Isolate Airflow in a home of this process; from then on it may be imported."""
        if self.settled:
            return
        from pytest_dynadag.bridge.home import settle
        from pytest_dynadag.bridge.lines import note_lines

        self.settled = True
        home = self.session.folder / f"home-{self.session.worker}"
        isolation = settle(home, let_through=self.session.options.let_through)
        self.session.config.add_cleanup(isolation.undo)
        sys.path.extend(str(f) for f in self.session.import_folders if str(f) not in sys.path)
        note_lines()
        # At the end of the process, nobody looks through Airflow's 300,000 objects for garbage: 0.7 s.
        atexit.register(gc.freeze)

    def warm_up(self) -> None:
        """Load what runs need, before there is one."""
        self.settle()
        from pytest_dynadag.run.runner import warm_up

        warm_up(self.session.options.engine)

    def load(self, paths: tuple[Path, ...], metadata: Mapping[str, Any]) -> Bag:
        """Parse files or folders; without *metadata* once for the whole session."""
        if not any(metadata.values()) and paths in self.bags:
            return self.bags[paths]
        bag = self.parse(paths, metadata)
        if not any(metadata.values()):
            self.bags[paths] = bag
        return bag

    def parse(self, paths: tuple[Path, ...], metadata: Mapping[str, Any]) -> Bag:
        """Parse files or folders anew."""
        self.settle()
        from pytest_dynadag.bridge.loading import load
        from pytest_dynadag.bridge.metadata import parse_metadata

        with parse_metadata(**metadata):
            loaded: Loaded = load(paths)
        errors = {name: f"{failure}\n\n{failure.text}" for name, failure in loaded.errors.items()}
        where = ", ".join(map(str, paths)) + (
            f" ({count_of(len(errors), 'file')} did not load)" if errors else ""
        )
        return Bag(Named(loaded.dags, what="DAG", where=where), errors, loaded.bag)

    def find(self, dag_id: str, metadata: Mapping[str, Any], *, anew: bool = False) -> Bag:
        """
        Load the file that makes a DAG, or, where only *metadata* may make it, every file that does no harm.

        Args:
            dag_id: The DAG.
            metadata: What its file sees while it is parsed.
            anew: Whether to parse the file even if it has been.

        Raises:
            NotLoadedError: Its file does not give it now.
            UnknownNameError: No file gives it, with or without *metadata*; the nearest are named.
        """
        load = self.parse if anew else self.load
        try:
            path = self.session.find(dag_id)[0].path
        except UnknownNameError as error:
            if not any(metadata.values()):
                raise
            bags = []
            for paths in self.session.harmless:
                bags.append(bag := load(paths, metadata))
                if dag_id in bag.dags:
                    return bag
            raise _say_unknown(dag_id, error.where, metadata, bags) from None
        bag = load((Path(path),), metadata)
        if dag_id not in bag.dags:
            raise NotLoadedError(dag_id, path, bag.import_errors, bag.dags)
        return bag


def _say_unknown(
    dag_id: str, where: str, metadata: Mapping[str, Any], bags: Sequence[Bag]
) -> UnknownNameError:
    """Say that no file gives a DAG, not with *metadata* either; the first lines of what failed may tell why."""
    given = " and ".join(name for name, value in metadata.items() if value)
    known = [dag_id for bag in bags for dag_id in bag.dags]
    failed = [text.partition("\n")[0] for bag in bags for text in bag.import_errors.values()]
    note = f"could not be loaded: {'; '.join(failed[:_MOST_FAILED])}" if failed else ""
    return UnknownNameError("DAG", dag_id, known, where=f"{where} with these {given}", note=note)
