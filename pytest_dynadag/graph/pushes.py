"""What Airflow refuses when a task that something maps over ends: the check of its output."""

# Source: _push_xcom_if_needed, sdk/execution_time/task_runner.py (3.3.2); TaskInstance._record_task_map_for_downstreams,
# models/taskinstance.py (2.11.2). Applies only to tasks that are not mapped themselves. `max_map_length` bounds
# one pushed output, never a product or a literal.

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pytest_dynadag.graph.canonical import Opaque


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an output cannot be mapped over: the rule code, what was wrong, and what to do."""

    rule: str
    what: str
    remedy: str


def refuse(value: Any, *, pushes_output: bool, max_map_length: int) -> Refusal | None:
    """
    Tell why Airflow fails the task that returned *value* because something maps over it; None if it does not.

    Args:
        value: The return value.
        pushes_output: False if the task has `do_xcom_push=False`.
        max_map_length: `[core] max_map_length`, in elements.
    """
    if not pushes_output:
        return Refusal("DYN301", "has do_xcom_push=False", "let it push its output")
    if value is None:
        return Refusal(
            "DYN301", "returns None", "return a list, a tuple or a dict; an empty list for nothing to do"
        )
    if not isinstance(value, (list, tuple, dict)):
        return Refusal("DYN301", f"returns {_describe(value)}", _remedy_for(value))
    if len(value) > max_map_length:
        what = f"returns {len(value)} elements, over [core] max_map_length = {max_map_length}"
        return Refusal(
            "DYN302", what, "return fewer, larger batches, or raise max_map_length where Airflow runs"
        )
    return None


def _describe(value: Any) -> str:
    if isinstance(value, Opaque):
        return f"a {value.name}"
    kind = type(value).__name__
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _remedy_for(value: Any) -> str:
    if isinstance(value, (set, frozenset)):
        return "return sorted(...) of it: a list in an order that every process agrees on"
    if isinstance(value, (range, Iterator)):
        return "return list(...) of it"
    return "return a list, a tuple or a dict"
