"""What this plugin knows of one pytest session: options, DAG folders, the private folder, the generation."""

# Loaded by every pytest session, so nothing heavy stands at the top. Under xdist each worker has a session of its
# own; what they share is the private folder, whose name the controller hands over.

from __future__ import annotations

import os
import shutil
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_dynadag.plugin.folder import choose_folder, make_folder
from pytest_dynadag.plugin.options import Options

if TYPE_CHECKING:
    from filelock import BaseFileLock

    from pytest_dynadag.allowances import Allowance
    from pytest_dynadag.generate.records import FileRecord, Generation, Root
    from pytest_dynadag.generate.sealing import Seal
    from pytest_dynadag.graph.structure import Structure

_SESSION = pytest.StashKey["DagSession"]()
_FOLDER, _KEY = "dynadag_folder", "dynadag_key"
"""Under what names the controller hands the private folder, and the key of what stands there, to its workers."""
_COLLECTED = "collected"
_GLANCE = 0.02  # seconds between two looks for what another process makes


def session_of(config: pytest.Config) -> DagSession:
    """Give the one session of this process."""
    if _SESSION not in config.stash:
        config.stash[_SESSION] = DagSession(config, Options.read(config), dict(os.environ))
        _set_secrets(config.stash[_SESSION].options)
    return config.stash[_SESSION]


def _set_secrets(options: Options) -> None:
    if not options.secret:
        return
    from pytest_dynadag.secrecy import SecretPatternError, set_patterns

    try:
        set_patterns(options.secret)
    except SecretPatternError as error:
        raise pytest.UsageError(str(error)) from None


@dataclass(eq=False, repr=False)
class DagSession:
    """
    One pytest session, as far as DAGs are concerned.

    Attributes:
        config: pytest's.
        options: What was asked for.
        environment: The environment as it was when pytest started.
    """

    config: pytest.Config
    options: Options
    environment: dict[str, str] = field(default_factory=dict)
    _lock: BaseFileLock | None = None

    def __repr__(self) -> str:
        return f"<DagSession of {self.worker!r}: {'active' if self.options.active else 'on demand'}>"

    # -- the processes of a session -------------------------------------------------------------------

    @property
    def _given_by_controller(self) -> dict[str, Any]:
        return getattr(self.config, "workerinput", {})

    @property
    def _is_worker(self) -> bool:
        return _FOLDER in self._given_by_controller

    @property
    def worker(self) -> str:
        """The xdist worker's name, or `main`."""
        return str(self._given_by_controller.get("workerid", "main"))

    def hand_over(self, workerinput: dict[str, Any]) -> None:
        """Tell an xdist worker what it shares with this process, which controls it."""
        # Made before the worker starts, which takes a folder that is gone for the end of the session.
        place = self.folder if self.options.active else self._place
        workerinput[_FOLDER], workerinput[_KEY] = str(place), self._key

    @cached_property
    def _place(self) -> Path:
        handed = self._given_by_controller.get(_FOLDER)
        return Path(handed) if handed else choose_folder()

    @property
    def folder(self) -> Path:
        """The private folder that all processes of the session share; made when it is first asked for."""
        if self._lock is None:
            self._lock = make_folder(self._place)
        return self._place

    @cached_property
    def seal(self) -> Seal:
        """What closes the records that the processes of the session share."""
        from pytest_dynadag.generate.sealing import Seal

        return Seal(self._key)

    @cached_property
    def _key(self) -> str:
        # As Fernet makes one; to import it takes 30 ms, and every session with xdist hands a key over.
        return str(self._given_by_controller.get(_KEY) or urlsafe_b64encode(os.urandom(32)).decode())

    def _record_of(self, name: str) -> Path:
        return self._place / f"{name}.sealed"

    def close(self) -> None:
        """Remove the private folder, where this process does not merely work for another."""
        if not self._is_worker and self._place.exists():
            shutil.rmtree(self._place, ignore_errors=True)

    @cached_property
    def allowances(self) -> tuple[Allowance, ...]:
        """What the ini `dynadag_allow` accepts; raises `AllowanceError` for a line that cannot be meant."""
        from pytest_dynadag.allowances import read_allowances

        return read_allowances(self.options.allowed)

    @cached_property
    def max_map_length(self) -> int:
        """The longest output that can be mapped over, in elements."""
        from pytest_dynadag.bridge.limits import max_map_length

        return max_map_length(self.options.let_through)

    # -- where DAG files are --------------------------------------------------------------------------

    @cached_property
    def all_defaults(self) -> tuple[Root, ...]:
        """The DAG folders looked into unless others are named, those that are not there included."""
        from pytest_dynadag.plugin.roots import find_defaults

        return find_defaults(self.config, self.environment)

    @cached_property
    def defaults(self) -> tuple[Root, ...]:
        """The DAG folders looked into unless others are named."""
        return tuple(root for root in self.all_defaults if root.path.exists())

    @cached_property
    def collected(self) -> tuple[Root, ...]:
        """Where DAG files are collected from; empty without `--dynadag`."""
        from pytest_dynadag.plugin.roots import are_paths_given, find_named

        if not self.options.active:
            return ()
        return find_named(self.config) if are_paths_given(self.config) else self.defaults

    @cached_property
    def import_folders(self) -> tuple[Path, ...]:
        """What DAG files may import from: to be put on `sys.path`, as Airflow does with its DAG folder."""
        from pytest_dynadag.plugin.roots import find_import_folders

        roots = (*self.collected, *self.defaults)
        return tuple(
            dict.fromkeys([*self.config.getini("pythonpath"), *find_import_folders(roots, self.defaults)])
        )

    def add_defaults_to_arguments(self) -> None:
        """
        Let pytest collect the DAG folders too, where the command line names nothing.

        Raises:
            pytest.UsageError: There is no DAG folder, and nothing else that could be meant.
        """
        from pytest_dynadag.plugin.roots import are_paths_given, locate_argument

        if are_paths_given(self.config):
            return
        if not self.defaults and not self.config.getini("testpaths"):
            raise pytest.UsageError(
                f"--dynadag: {'; '.join(self.missing_folders)}\n"
                "  next: name DAG files or folders (pytest --dynadag PATH ...), or set the ini dynadag_dags"
            )
        base = self.config.invocation_params.dir
        covered = [locate_argument(argument, base) for argument in self.config.args]
        self.config.args += [
            str(root.path)
            for root in self.defaults
            if not any(path == root.path or path in root.path.parents for path in covered)
        ]

    @property
    def missing_folders(self) -> list[str]:
        """Say which DAG folders should be collected from but are not there, and why they should."""
        from pytest_dynadag.plugin.roots import are_paths_given

        if are_paths_given(self.config):
            return []
        missing = [root for root in self.all_defaults if not root.path.exists()]
        return [f"there is no DAG folder {root.path} ({root.why})" for root in missing]

    # -- what is in them ------------------------------------------------------------------------------

    def generation(self) -> Generation:
        """
        Give the record of the session's DAG files: of those collected, or else of the default folders.

        Made once, by whichever process asks first; the others read it.
        """
        return self._collected_generation if self.options.active else self._default_generation

    @property
    def collected_generation(self) -> Generation | None:
        """The record of the files that are collected, where there is one: not without `--dynadag`, or if it failed."""
        return vars(self).get("_collected_generation")

    def find(self, dag_id: str) -> tuple[FileRecord, Structure]:
        """
        Give the file and the structure of a DAG, among those collected or else in the default folders.

        Raises:
            UnknownNameError: No file defines it; the nearest names are given.
        """
        first = self.generation()
        if dag_id in first.dags or not self.defaults:
            return first.find(dag_id)
        second = self._default_generation
        return (second if dag_id in second.dags or not first.dags else first).find(dag_id)

    @property
    def harmless(self) -> tuple[tuple[Path, ...], ...]:
        """
        The files that neither hung nor ended their process when they were generated.

        First those that could not be loaded: they are the ones of which nobody knows what is in them.
        """
        harmless = [record for record in self.generation().files if record.is_harmless]
        parts = ([r for r in harmless if r.is_unloaded], [r for r in harmless if not r.is_unloaded])
        return tuple(tuple(Path(record.path) for record in part) for part in parts if part)

    @property
    def is_waiting(self) -> bool:
        """
        Whether this is an xdist worker, and the process that controls it is still making the generation.

        A worker on another machine does not find the folder, and makes one of its own.
        """
        return self._is_worker and self._place.exists() and not self._record_of(_COLLECTED).exists()

    @cached_property
    def _collected_generation(self) -> Generation:
        from pytest_dynadag.generate.progress import count_aloud
        from pytest_dynadag.plugin.progress import Progress

        given_up = self._place / f"{_COLLECTED}.given-up"
        while self.is_waiting:
            if given_up.exists():
                pytest.exit("no DAGs: the process that controls this worker could not load them")
            time.sleep(_GLANCE)
        try:
            tell = count_aloud(Progress(self.config).tell, "loading: {} of {} files")
            return self._generate_once(_COLLECTED, self.collected, tell)
        except BaseException:
            with suppress(OSError):
                given_up.touch()
            raise

    @cached_property
    def _default_generation(self) -> Generation:
        return self._generate_once("defaults", self.defaults)

    def _generate_once(
        self, name: str, roots: Iterable[Root], tell: Callable[[int], None] = lambda files: None
    ) -> Generation:
        from filelock import FileLock

        from pytest_dynadag.generate.probing import generate
        from pytest_dynadag.generate.records import Generation

        record = self._record_of(name)
        with FileLock(self.folder / f"{name}.lock"):
            if record.exists():
                return Generation.from_dict(self.seal.read(record))
            generation = generate(
                tuple(roots),
                folder=self.folder / name,
                timeout=self.options.timeout,
                let_through=self.options.let_through,
                import_folders=self.import_folders,
                skip_folders=self.config.getini("norecursedirs"),
                memory=self.options.memory,
                tell=tell,
            )
            self.seal.save(record, generation.to_dict())
        return generation
