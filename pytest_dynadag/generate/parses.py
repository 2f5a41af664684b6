"""A parse of one DAG file under a variation of its circumstances, and what is compared of it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

from pytest_dynadag.bridge.database import in_memory
from pytest_dynadag.bridge.extract import structure_of
from pytest_dynadag.bridge.lines import noted_lines
from pytest_dynadag.bridge.loading import LoadedFile, load_file
from pytest_dynadag.bridge.serialized import hash_of, parsing_as
from pytest_dynadag.bridge.traits import read_traits
from pytest_dynadag.generate.circumstances import Variation
from pytest_dynadag.generate.failures import asks_while_building
from pytest_dynadag.generate.instruments import clock, environment, listing, own, randomness, sets, zone
from pytest_dynadag.generate.instruments.asking import Asking
from pytest_dynadag.generate.instruments.patches import patching

_INSTRUMENTS = (zone, clock, randomness, listing, environment, sets)


def parse(path: Path, variation: Variation, *, asking: Asking | None = None, hashes: bool = False) -> Parse:
    """
    Parse a DAG file under *variation*.

    Args:
        path: The file.
        variation: What is changed.
        asking: Who notes which lines ask; without it nobody does.
        hashes: Whether to compute Airflow's own hash of each DAG.
    """
    asking = asking or Asking(str(path), changed_names(variation), variation.only)
    with varied(variation, asking) as not_applied, noted_lines():
        loaded = load_file(path)
    if any(asks_while_building(str(path), error.text) for error in loaded.errors.values()):
        with in_memory(), varied(variation, asking), noted_lines():
            loaded = load_file(path)
    return {**read(loaded, hashes=hashes), "not_applied": not_applied, "changed": list(loaded.changed)}


Parse = dict[str, Any]
"""
`dags`: dag_id to `structure`, `traits` and `hash`; `failure`: None, or what went wrong, as text; `not_applied`: the
circumstances of the user's that failed, each with the reason; `changed`: what the file changed of modules that everybody uses.
"""


def changed_names(variation: Variation) -> frozenset[str]:
    """Give the circumstances that are changed for everybody."""
    return (
        frozenset() if variation.only else frozenset(n for n, number in variation.numbers.items() if number)
    )


@contextmanager
def varied(variation: Variation, asking: Asking) -> Iterator[dict[str, str]]:
    """Live under *variation* for a while; gives what could not be applied, and why, complete at the end."""
    not_applied: dict[str, str] = {}
    with ExitStack() as stack:
        for applied in _enter(variation, asking.changed):
            stack.enter_context(applied)
        for entry in variation.own:
            stack.enter_context(own.changed(entry, variation, not_applied))
        patches = stack.enter_context(patching())
        for instrument in _INSTRUMENTS:
            instrument.apply(asking, variation, patches)
        yield not_applied


def _enter(variation: Variation, changed: frozenset[str]) -> Iterator[AbstractContextManager[Any]]:
    """Give what changes the process itself."""
    if environment.NAME in changed:
        yield environment.changed(environment.plan_names(variation.number(environment.NAME)))
    if zone.NAME in changed and (name := zone.choose_zone(variation.number(zone.NAME))):
        yield zone.changed(name)
    if "working_directory" in changed:
        yield _elsewhere()
    if "parsing_context" in changed:
        yield parsing_as(variation.dag_id, variation.task_id)


@contextmanager
def _elsewhere() -> Iterator[None]:
    before = Path.cwd()
    os.chdir(tempfile.gettempdir())
    try:
        yield
    finally:
        os.chdir(before)


def read(loaded: LoadedFile, *, hashes: bool) -> Parse:
    """Read what is compared."""
    failures = [error.message for error in loaded.errors.values()]
    dags: dict[str, Any] = {}
    for dag_id, dag in loaded.dags.items():
        try:
            dags[dag_id] = _read_dag(dag, hashes=hashes)
        except Exception as error:
            failures.append(f"DAG {dag_id!r} cannot be read: {type(error).__name__}: {error}")
    return {"dags": dags, "failure": "\n".join(failures) or None}


def _read_dag(dag: Any, *, hashes: bool) -> dict[str, Any]:
    structure = structure_of(dag)
    return {
        "structure": structure.to_dict(),
        "traits": read_traits(dag, structure),
        "hash": _try_hash(dag) if hashes else None,
    }


def _try_hash(dag: Any) -> str | None:
    try:
        return hash_of(dag)
    except Exception:
        return None  # a DAG that Airflow cannot serialise has no hash; the check `imports` is for that


def parse_twice(path: Path, variation: Variation, names: tuple[str, ...]) -> tuple[Parse, Parse | None]:
    """
    Parse a file, and once more in the same process: in a changed generation as a worker does that runs one of its DAGs.

    Args:
        path: The file.
        variation: What is changed; its number decides for which DAG the worker parses.
        names: The circumstances that are to be varied.
    """
    first = parse(path, variation)
    number = variation.generation
    if not number or not first["dags"]:
        return first, (parse(path, variation) if "second_parse" in names and not number else None)
    if "parsing_context" not in names:
        return first, None
    dag_ids = list(first["dags"])
    dag_id = dag_ids[(number - 1) % len(dag_ids)]
    numbers = {**variation.numbers, "parsing_context": 1}
    worker = variation.having(numbers=numbers, dag_id=dag_id, task_id=first_task(first, dag_id))
    return first, {**parse(path, worker), "as": dag_id}


def first_task(parsed: Parse, dag_id: str) -> str | None:
    """Give the id of a task of a DAG."""
    tasks: list[Mapping[str, Any]] = parsed["dags"][dag_id]["structure"]["tasks"]
    return str(tasks[0]["task_id"]) if tasks else None
