"""Determinism of expansion: whether the generations of a DAG become the same for a given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pytest_dynadag.generate.divergences import Divergence, FileVerdict
from pytest_dynadag.generate.packing import unpack
from pytest_dynadag.generate.records import FileRecord, Generation
from pytest_dynadag.graph.canonical import dump
from pytest_dynadag.graph.planner import plan
from pytest_dynadag.graph.structure import Structure


def narrow_to_expansions(
    files: Sequence[FileVerdict], generations: Sequence[Generation], given: Any
) -> tuple[FileVerdict, ...]:
    """Keep of the verdicts on *files* what makes a DAG become something else for *given*."""
    return tuple(_narrow(file, [g.by_path.get(file.path) for g in generations], given) for file in files)


def _narrow(file: FileVerdict, records: Sequence[FileRecord | None], given: Any) -> FileVerdict:
    plans = [_plan_all(record, given) for record in records]
    differing = {
        dag_id for some in plans for dag_id in some if any(p.get(dag_id) != some[dag_id] for p in plans)
    }
    concerned = [entry for entry in file.divergences if entry.dag_id is None or entry.dag_id in differing]
    shaping = [entry for entry in concerned if is_shaping(entry)]
    return replace(file, divergences=tuple(shaping or concerned))


def is_shaping(entry: Divergence) -> bool:
    """Tell whether a divergence is about what a DAG becomes, not about what a task is told besides."""
    parts = entry.pointer.split("/")[3:]
    return len(parts) < 3 or parts[2] in {
        "mapping",
        "upstream",
        "trigger_rule",
        "map_index_template",
        "skips",
    }


def _plan_all(record: FileRecord | None, given: Any) -> Mapping[str, str]:
    """Plan the DAGs of a generation; what cannot be planned is compared by why not."""
    parsed = record.parses[0] if record and record.parses else {"dags": {}}
    plans = {}
    for dag_id, dag in parsed["dags"].items():
        try:
            expansion = plan(Structure.from_dict(unpack(dag)["structure"]), given, strict=False)
            plans[dag_id] = dump(expansion.to_dict())
        except Exception as error:
            plans[dag_id] = f"{type(error).__name__}: {error}"
    return plans
