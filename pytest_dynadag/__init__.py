"""pytest-dynadag: what a dynamic Airflow DAG becomes, planned, run, repeated and compared before deployment."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_dynadag.errors import ArgumentError as ArgumentError
    from pytest_dynadag.errors import DynadagError as DynadagError
    from pytest_dynadag.errors import GivenError as GivenError
    from pytest_dynadag.errors import MissingGivenError as MissingGivenError
    from pytest_dynadag.errors import UnknownNameError as UnknownNameError
    from pytest_dynadag.findings import Finding as Finding
    from pytest_dynadag.generate.divergences import Determinism as Determinism
    from pytest_dynadag.generate.divergences import Divergence as Divergence
    from pytest_dynadag.generate.divergences import NotDeterministicError as NotDeterministicError
    from pytest_dynadag.graph.agreement import DisagreementError as DisagreementError
    from pytest_dynadag.graph.expansion import UNKNOWN as UNKNOWN
    from pytest_dynadag.graph.expansion import Expansion as Expansion
    from pytest_dynadag.graph.expansion import Instance as Instance
    from pytest_dynadag.graph.expansion import TaskExpansion as TaskExpansion
    from pytest_dynadag.graph.given import Failed as Failed
    from pytest_dynadag.graph.given import GivenFunctionError as GivenFunctionError
    from pytest_dynadag.graph.given import Skipped as Skipped
    from pytest_dynadag.graph.sizes import Sizes as Sizes
    from pytest_dynadag.graph.structure import Structure as Structure
    from pytest_dynadag.location import Location as Location
    from pytest_dynadag.plugin.facade import Dynadag as Dynadag
    from pytest_dynadag.plugin.workplace import Bag as Bag
    from pytest_dynadag.run.runner import Run as Run
    from pytest_dynadag.run.stuck import StuckRunError as StuckRunError

# Loaded on first use: a pytest session that does not use us should not pay for us.
_HOMES = {
    "ArgumentError": "errors",
    "Bag": "plugin.workplace",
    "Determinism": "generate.divergences",
    "DisagreementError": "graph.agreement",
    "Divergence": "generate.divergences",
    "Dynadag": "plugin.facade",
    "DynadagError": "errors",
    "Expansion": "graph.expansion",
    "Failed": "graph.given",
    "Finding": "findings",
    "GivenError": "errors",
    "GivenFunctionError": "graph.given",
    "Instance": "graph.expansion",
    "Location": "location",
    "MissingGivenError": "errors",
    "NotDeterministicError": "generate.divergences",
    "Run": "run.runner",
    "Sizes": "graph.sizes",
    "Skipped": "graph.given",
    "Structure": "graph.structure",
    "StuckRunError": "run.stuck",
    "TaskExpansion": "graph.expansion",
    "UNKNOWN": "graph.expansion",
    "UnknownNameError": "errors",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605  (one list of names, kept in one place)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}")
