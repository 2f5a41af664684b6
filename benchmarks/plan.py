"""
How long a plan takes, and how much memory.

Run by `make bench`: 401 instances, 100,000, and ten thousand times ten thousand edges. Fails if a
figure is missed; needs neither Airflow nor a database.
"""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

from figures import Figure, show

from pytest_dynadag.graph.expansion import Expansion
from pytest_dynadag.graph.given import Given
from pytest_dynadag.graph.planner import plan
from pytest_dynadag.graph.sources import Argument, Literal, Output, Product
from pytest_dynadag.graph.structure import Group, Structure, Task

ANY_LENGTH = 10**9
MEGABYTE = 1024 * 1024


def fan_out() -> Structure:
    """One task that lists, one that is mapped over the list, one that reports."""
    mapping = Product((("item", Output("list_items")),))
    return Structure(
        "fan_out",
        (
            Task(task_id="list_items"),
            Task(task_id="load", mapping=mapping, upstream=("list_items",)),
            Task(task_id="report", upstream=("load",)),
        ),
    )


def grouped() -> Structure:
    """A mapped group of two tasks, of which the second waits for the first index by index."""
    mapping = Product((("item", Output("list_items")),))
    argument = {"item": Argument("each", "item")}
    return Structure(
        "grouped",
        (
            Task(task_id="list_items"),
            Task(task_id="each.load", group_id="each", upstream=("list_items",), arguments=argument),
            Task(task_id="each.check", group_id="each", upstream=("each.load",)),
        ),
        (Group("each", None, mapping),),
    )


def all_to_all(width: int) -> Structure:
    """Two tasks mapped over literals, each instance of one waiting for all of the other."""
    mapping = Product((("item", Literal(list(range(width)))),))
    first = Task(task_id="first", mapping=mapping)
    return Structure("all_to_all", (first, Task(task_id="second", mapping=mapping, upstream=("first",))))


def time_calls(times: int, measured: Callable[[], Any]) -> list[float]:
    """Give the processor seconds of each of several calls: what the machine does besides is not ours."""
    seconds = []
    for _ in range(times):
        begun = time.process_time()
        measured()
        seconds.append(time.process_time() - begun)
    return seconds


def peak_of(measured: Callable[[], Any]) -> float:
    """Give the most memory that a call held at once, in megabytes."""
    tracemalloc.start()
    kept = measured()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    del kept
    return peak / MEGABYTE


def planner_of(structure: Structure, items: int, failed: int = 0) -> Callable[[], Expansion]:
    """Give a function that plans *structure* for so many items, every *failed*-th of which fails."""
    states = {f"each.load[{index}]": "failed" for index in range(0, items, failed)} if failed else {}
    given = Given.of({"list_items": list(range(items))}, states, max_map_length=ANY_LENGTH)
    return lambda: plan(structure, given)


def measure(rounds: int = 5, most: int = 100_000) -> list[Figure]:
    """Measure small and large plans, the time and the memory."""
    small, wide = planner_of(fan_out(), 399), planner_of(fan_out(), most - 2)
    failing = planner_of(grouped(), most // 2, 3)
    across = most // 10
    return [
        Figure(
            "401 instances",
            "ms",
            [seconds * 1000 for seconds in time_calls(4 * rounds, small)],
            at_most=2,
        ),
        Figure(f"{most:,} instances", "s", time_calls(rounds, wide), at_most=0.5),
        Figure(
            f"{most:,} instances of a group, every third fails",
            "s",
            time_calls(rounds, failing),
            at_most=0.5,
        ),
        Figure(f"memory of {most:,} instances", "MB", (peak_of(wide),), at_most=200),
        Figure(
            f"{across:,} x {across:,} edges, not counted out",
            "s",
            time_calls(rounds, lambda: plan(all_to_all(across)).edge_count),
            at_most=0.1,
        ),
    ]


if __name__ == "__main__":
    sys.exit(show(measure()))
