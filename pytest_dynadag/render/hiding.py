"""What a report must not tell: values under secret names are hidden in its JSON, wherever else they stand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pytest_dynadag.graph.expansion import Expansion
from pytest_dynadag.graph.structure import Structure
from pytest_dynadag.render.values import ValueWriter
from pytest_dynadag.secrecy import MASK, find_secrets, is_secret

_PAIR = 2


def hide_in_expansion(expansion: Expansion, secrets: Iterable[str] = ()) -> dict[str, Any]:
    """Give the JSON of an expansion without its secrets, and without further ones that are known."""
    return _hide_found(expansion.to_dict(), (inputs for task in expansion for inputs in task.inputs), secrets)


def hide_in_structure(structure: Structure) -> dict[str, Any]:
    """Give the JSON of a structure without secrets; its digest may be another one than before."""
    return _hide_found(structure.to_dict(), (task.arguments for task in structure.tasks))


def _hide_found(data: dict[str, Any], places: Iterable[Any], secrets: Iterable[str] = ()) -> dict[str, Any]:
    found = frozenset(secret for place in places for secret in find_secrets(place))
    hidden: dict[str, Any] = hide(data, ValueWriter(secrets=found.union(secrets)).clean)
    return hidden


def hide(data: Any, clean: Callable[[str], str]) -> Any:
    """
    Give JSON *data* with what stands under a secret name hidden, and every text cleaned.

    Args:
        data: As `encode` writes it: arguments that are mapped over stand in it as pairs.
        clean: Hides what a text must not tell.
    """
    if isinstance(data, str):
        return clean(data)
    if isinstance(data, list):
        if len(data) == _PAIR and is_secret(data[0]) and isinstance(data[1], dict):
            return [data[0], _hide_literal(data[1], clean)]
        return [hide(item, clean) for item in data]
    if isinstance(data, dict):
        return {
            key: MASK if is_secret(key) and item is not None else hide(item, clean)
            for key, item in data.items()
        }
    return data


def _hide_literal(source: dict[str, Any], clean: Callable[[str], str]) -> dict[str, Any]:
    """Keep how many items a list in the DAG file has, but none of them."""
    items = source.get("$literal")
    if not isinstance(items, list):
        hidden: dict[str, Any] = hide(source, clean)
        return hidden
    return {"$literal": [MASK] * len(items)}
