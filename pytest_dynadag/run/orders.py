"""Whether what a run does depends on the order in which its instances finish: it is run in several, and compared."""

# A real scheduler looks at trigger rules whenever an instance has finished, `dag.test()` when a whole wave has: so one
# instance at a time is executed here.

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pytest_dynadag.graph.canonical import encode
from pytest_dynadag.graph.given import Given
from pytest_dynadag.graph.structure import Structure
from pytest_dynadag.run.engines.direct import run_directly
from pytest_dynadag.run.guard import Verdict
from pytest_dynadag.run.request import Order, RunRequest
from pytest_dynadag.run.runner import Run, tell
from pytest_dynadag.run.stuck import StuckRunError

ABSENT = "$absent"
_WHOLE = "(run)"
_WAVES = "when a whole wave finishes first"

Outcome = dict[str, dict[str, Any]]
"""Instance key to `state`, `inputs`, `label` and `output`; under `(run)` the state of the run."""


@dataclass(frozen=True, slots=True)
class OrderDifference:
    """
    What differs between runs of two orders.

    Attributes:
        task_id: The task; None where it is about the whole run.
        key: The instance.
        what: `state`, `inputs`, `label` or `output`.
        baseline, changed: Both outcomes, as JSON; `$absent` for none.
        orders: The two orders, in words.
    """

    task_id: str | None
    key: str
    what: str
    baseline: Any
    changed: Any
    orders: tuple[str, str]


def compare_orders(
    load: Callable[[], Any],
    structure: Structure,
    given: Given,
    *,
    runs: int,
    at: datetime | None = None,
    siblings: tuple[Any, ...] = (),
) -> list[OrderDifference]:
    """
    Run a DAG *runs* times, each time with its instances finishing in another order that Airflow allows.

    What differs between two runs of one order (tasks that draw numbers) is left out.

    Args:
        load: Gives the DAG object, anew for each run.
        structure: The DAG's structure.
        given: What the runs are given.
        runs: How many orders to compare, at least 2.
        at: The logical date, at which the clock stands.
        siblings: Further DAG objects that the run may trigger.

    Returns:
        The differences between the first order and the first other one that differs, upstream tasks first. In the
        first one whole waves finish before trigger rules are looked at, as in `dag.test()`.
    """

    def run(order: Order, *, one_by_one: bool = True) -> Outcome:
        request = RunRequest(given, at, order, one_by_one=one_by_one, siblings=siblings)
        return _outcome(load(), structure, request)

    first = run(None, one_by_one=False)
    noise = {(key, what) for key, what, _, _ in _differences(first, run(None, one_by_one=False))}
    for order in list_orders(runs):
        found = [entry for entry in _differences(first, run(order)) if entry[:2] not in noise]
        if found:
            words = (_WAVES, describe_order(order))
            return _sort([_difference(structure, entry, words) for entry in found], structure)
    return []


def list_orders(number: int) -> list[Order]:
    """Give as many orders as are compared with the first run, for *number* runs in all."""
    return [None, "reverse", *range(1, number)][: max(number - 1, 1)]


def describe_order(order: Order) -> str:
    """Say what an order is."""
    if order is None:
        return "when rules are looked at after each instance"
    return f"the same in {'the opposite' if order == 'reverse' else 'another'} order"


def _outcome(dag: Any, structure: Structure, request: RunRequest) -> Outcome:
    try:
        run = tell(structure, run_directly(dag, request), Verdict())
    except StuckRunError as error:
        return {_WHOLE: {"state": f"stuck: {str(error).partition(chr(10))[0]}"}}
    return {_WHOLE: {"state": run.state}, **_instances(run)}


def _instances(run: Run) -> Outcome:
    states: Mapping[str, str] = run.states
    outcome: Outcome = {
        key: {"state": state, "output": encode(run.xcoms.get(key))} for key, state in states.items()
    }
    for task in run.expansion:
        for instance in task:
            outcome.setdefault(instance.key, {}).update(
                inputs=encode(dict(instance.inputs)), label=instance.label
            )
    return outcome


def _differences(one: Outcome, other: Outcome) -> Iterator[tuple[str, str, Any, Any]]:
    for key in {**one, **other}:
        here, there = one.get(key, {}), other.get(key, {})
        for what in ("state", "inputs", "label", "output"):
            if here.get(what, ABSENT) != there.get(what, ABSENT):
                yield key, what, here.get(what, ABSENT), there.get(what, ABSENT)
                break


def _difference(
    structure: Structure, entry: tuple[str, str, Any, Any], orders: tuple[str, str]
) -> OrderDifference:
    key, what, baseline, changed = entry
    task_id = key.partition("[")[0]
    return OrderDifference(
        task_id if task_id in structure.by_id else None, key, what, baseline, changed, orders
    )


def _sort(found: list[OrderDifference], structure: Structure) -> list[OrderDifference]:
    places = {task.task_id: position for position, task in enumerate(structure.tasks)}
    return sorted(found, key=lambda entry: (places.get(entry.task_id or "", len(places)), entry.key))
