"""What importing Airflow does to the process around it."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from pytest_dynadag.bridge.importing import uncollected


@pytest.fixture(autouse=True)
def collecting() -> Iterator[None]:
    """Leave the collector of garbage as it is."""
    was_enabled = gc.isenabled()
    gc.enable()
    yield
    (gc.enable if was_enabled else gc.disable)()


def test_nothing_that_is_imported_is_looked_through() -> None:
    """No collection runs meanwhile, and what is new is old afterwards, so that none looks through it soon."""
    looked: list[str] = []
    gc.callbacks.append(lambda phase, info: looked.append(phase))
    try:
        with uncollected():
            made = [[number] for number in range(100_000)]
        young = {id(entry) for generation in (0, 1) for entry in gc.get_objects(generation)}
    finally:
        gc.callbacks.pop()

    assert [] == looked
    assert not young.intersection(map(id, made))
    assert gc.isenabled()
    assert 0 == gc.get_freeze_count()


def test_few_objects_stay_young() -> None:
    """Where hardly anything is imported, nothing is done that takes longer the more there is: it happens often."""
    gc.collect()  # so that none is due when it may run again
    with uncollected():
        made = [[number] for number in range(100)]
    young = {id(entry) for entry in gc.get_objects(0)}

    assert young.issuperset(map(id, made))


def test_garbage_that_is_imported_is_found_in_the_end() -> None:
    """What is thrown away meanwhile is not kept for ever."""
    with uncollected():
        for _ in range(20_000):
            ring: list[object] = []
            ring.append(ring)
        del ring

    assert 20_000 <= gc.collect()


def test_a_collector_that_is_off_stays_off() -> None:
    """Who has switched it off gets it back so."""
    gc.disable()

    with uncollected():
        pass

    assert not gc.isenabled()


def test_what_somebody_has_frozen_stays_frozen() -> None:
    """A process that is about to fork, for one."""
    gc.freeze()
    try:
        with uncollected():
            pass

        assert 0 < gc.get_freeze_count()
    finally:
        gc.unfreeze()
