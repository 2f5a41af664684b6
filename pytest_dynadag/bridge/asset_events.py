"""The assets of a DAG, and the events that its tasks have added to them in a run."""

# Source: `register_asset_changes_in_db` (models/taskinstance.py) and the routes assets.py and asset_events.py of the
# execution API, 3.3.2. Earlier runs have added none, and no DAG is triggered by them.

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

from pytest_dynadag.bridge.protocol import Key


class AssetEvents:
    """The events of one run of *dag*, in their order."""

    def __init__(self, dag: Any) -> None:
        self._dag_id = dag.dag_id
        self._assets: list[dict[str, Any]] = []
        for asset in _list_assets(dag):
            found = {name: getattr(asset, name) for name in ("name", "uri", "group", "extra")}
            if self.find(found["name"], found["uri"]) is None:
                self._assets.append(found)
        self._events: list[tuple[str | None, dict[str, Any]]] = []

    def find(self, name: str | None = None, uri: str | None = None) -> dict[str, Any] | None:
        """Return the asset with a name, a URI, or both; None if there is none."""
        for asset in self._assets:
            if name in (None, asset["name"]) and uri in (None, asset["uri"]):
                return asset
        return None

    def name_of(self, msg: Any) -> str:
        """Return the name of the asset that a message means by name or URI."""
        if (name := getattr(msg, "name", None)) is not None:
            return str(name)
        found = self.find(uri=msg.uri)
        return str(found["name"] if found else msg.uri)

    def add(self, key: Key, run_id: str, outlets: Iterable[Any], events: Iterable[Mapping[str, Any]]) -> None:
        """
        Note what an instance that has succeeded changed.

        Args:
            key: The instance.
            run_id: Its run.
            outlets: Its outlets, as assets or references to some, by name or URI.
            events: What it has said of each: the asset, `extra`, and by which alias, if by one.
        """
        source = {"source_task_id": key[0], "source_map_index": key[1], "source_run_id": run_id}
        events = list(events)
        told = {_key_of(event): event["extra"] for event in events if "source_alias_name" not in event}
        for outlet in outlets:
            if outlet.type != "AssetAlias" and (asset := self.find(outlet.name, outlet.uri)) is not None:
                self._append(None, asset, told.get((asset["name"], asset["uri"])), source)
        for event in events:
            if (alias := event.get("source_alias_name")) is not None:
                self._append(alias, self._take_in(*_key_of(event)), event["extra"], source)

    def _take_in(self, name: str, uri: str) -> dict[str, Any]:
        """Return an asset, a new one where an alias leads to it for the first time."""
        found = self.find(name, uri)
        if found is None:
            found = {"name": name, "uri": uri, "group": "asset", "extra": {}}
            self._assets.append(found)
        return found

    def _append(
        self,
        alias: str | None,
        asset: dict[str, Any],
        extra: Mapping[str, Any] | None,
        source: dict[str, Any],
    ) -> None:
        event = {
            "id": len(self._events) + 1,
            "timestamp": datetime.now(timezone.utc),
            "extra": dict(extra or {}),
            "asset": asset,
            "created_dagruns": [],
            "source_dag_id": self._dag_id,
            **source,
        }
        self._events.append((alias, event))

    def list_by_alias(self, alias: str) -> list[dict[str, Any]]:
        """Return the assets to which events were added by an alias."""
        found = {(e["asset"]["name"], e["asset"]["uri"]): e["asset"] for a, e in self._events if a == alias}
        return list(found.values())

    def list_events(
        self, msg: Any, *, name: str | None = None, uri: str | None = None, alias: str | None = None
    ) -> list[dict[str, Any]]:
        """Return the events of an asset, or those by an alias, as far as a message wants them."""
        found = [
            event
            for by, event in self._events
            if (alias is None or by == alias)
            and name in (None, event["asset"]["name"])
            and uri in (None, event["asset"]["uri"])
        ]
        # Before 3.2, a message wants all of them.
        after, before, limit = (getattr(msg, bound, None) for bound in ("after", "before", "limit"))
        if after or before:
            found = [
                e for e in found if (after or e["timestamp"]) <= e["timestamp"] <= (before or e["timestamp"])
            ]
        return (found if getattr(msg, "ascending", True) else found[::-1])[:limit]


def _key_of(event: Mapping[str, Any]) -> tuple[str, str]:
    return event["dest_asset_key"]["name"], event["dest_asset_key"]["uri"]


def _list_assets(dag: Any) -> Iterator[Any]:
    """Yield the assets that a DAG names: in its schedule, and as inlets and outlets of its tasks."""
    yield from _walk(getattr(dag.timetable, "asset_condition", None))
    for task in dag.task_dict.values():
        arguments = getattr(task, "partial_kwargs", {})
        for each in (*(task.inlets or ()), *(task.outlets or ()), *arguments.get("outlets", ())):
            if hasattr(each, "uri") and hasattr(each, "name") and hasattr(each, "group"):
                yield each


def _walk(condition: Any) -> Iterator[Any]:
    """Yield the assets of a condition: one asset, or several joined by "and" and "or"."""
    for part in getattr(condition, "objects", ()):
        yield from _walk(part)
    if hasattr(condition, "uri") and hasattr(condition, "group"):
        yield condition
