"""What importing Airflow does to the process around it."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from collections.abc import Iterator

import pytest

from pytest_dynadag.bridge.importing import uncollected


class Ring:
    """Something that refers to itself."""

    own: Ring


@pytest.fixture(autouse=True)
def collecting() -> Iterator[None]:
    """Leave the collector of garbage as it is."""
    was_enabled, was_frozen = gc.isenabled(), gc.get_freeze_count()
    gc.enable()
    yield
    (gc.enable if was_enabled else gc.disable)()
    if not was_frozen:
        gc.unfreeze()


def test_nothing_that_is_imported_is_looked_through() -> None:
    """No collection runs meanwhile, and none afterwards looks through what is new."""
    looked: list[str] = []
    gc.callbacks.append(lambda phase, info: looked.append(phase))
    try:
        with uncollected():
            made = [[number] for number in range(100_000)]
        looked_through = set(map(id, gc.get_objects()))
    finally:
        gc.callbacks.pop()

    assert [] == looked
    assert not looked_through.intersection(map(id, made))
    assert gc.isenabled()


def test_few_objects_stay_young() -> None:
    """Where hardly anything is imported, nothing is done that takes longer the more there is: it happens often."""
    gc.collect()  # so that none is due when it may run again
    with uncollected():
        made = [[number] for number in range(100)]
    young = {id(entry) for entry in gc.get_objects(0)}

    assert young.issuperset(map(id, made))


def test_garbage_of_later_is_found() -> None:
    """What is thrown away after something was imported is found as ever."""
    with uncollected():
        _kept = [[number] for number in range(100_000)]
    ring = Ring()
    ring.own = ring
    gone = weakref.ref(ring)
    del ring
    gc.collect()

    assert gone() is None


def test_garbage_from_before_airflow_is_found() -> None:
    """What tests threw away before Airflow is imported is found, and what is to be said of it is said."""
    program = """if True:
        import weakref
        from pytest_dynadag.bridge.importing import undisturbed

        class Ring:
            pass

        ring = Ring()
        ring.own = ring
        weakref.finalize(ring, print, "said")
        del ring
        with undisturbed():
            print("imported")
    """
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ["said", "imported"] == ended.stdout.split()


def test_where_nothing_is_collected_only_what_is_imported_counts() -> None:
    """Who has switched the collector off has many objects that nobody has looked through: they stay as they are."""
    gc.disable()
    made = [[number] for number in range(100_000)]
    with uncollected():
        pass

    assert {id(entry) for entry in gc.get_objects(0)}.issuperset(map(id, made))


def test_a_collector_that_is_off_stays_off() -> None:
    """Who has switched it off gets it back so."""
    gc.disable()

    with uncollected():
        pass

    assert not gc.isenabled()
