"""
What was read of a DAG, packed into a text.

Of 500 files, six generations are held while they are compared, and most of them are the same: packed they take a
hundredth of the memory, and two that are the same need not be unpacked.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Any


def pack_dags(parsed: Mapping[str, Any]) -> dict[str, Any]:
    """Pack each DAG of a parse, as `parses.parse` gives it."""
    return {**parsed, "dags": {dag_id: pack(dag) for dag_id, dag in parsed["dags"].items()}}


def pack(dag: Mapping[str, Any]) -> str:
    """Pack what was read of one DAG: JSON data."""
    return base64.b85encode(zlib.compress(json.dumps(dag).encode())).decode()


def unpack(dag: Mapping[str, Any] | str) -> Mapping[str, Any]:
    """Give what `pack` was given; what is not packed, as it is."""
    if not isinstance(dag, str):
        return dag
    found: dict[str, Any] = json.loads(zlib.decompress(base64.b85decode(dag)))
    return found
