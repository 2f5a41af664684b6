"""Importing Airflow: it takes most of a second, and has a say in everybody's log and warnings."""

from __future__ import annotations

import gc
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_MANY = 10_000
"""Objects that are worth it to be spared a collection."""


@contextmanager
def undisturbed() -> Iterator[None]:
    """Import Airflow without letting it replace the root logger's handlers or `warnings.showwarning`, or chat."""
    if "airflow" not in sys.modules:
        gc.collect()  # garbage of earlier tests is still found, and what is to be said of it said
    root, airflows = logging.getLogger(), logging.getLogger("airflow")
    handlers, level, show = list(root.handlers), root.level, warnings.showwarning
    try:
        with warnings.catch_warnings(), uncollected():
            warnings.simplefilter("ignore")
            import airflow  # noqa: F401 - in 2.x it puts filters of its own before this one

            warnings.simplefilter("ignore")
            yield
    finally:
        # The level that Airflow's configuration gave to everybody becomes Airflow's alone.
        if root.level != level and not airflows.level:
            airflows.setLevel(root.level)
        for handler in [entry for entry in root.handlers if entry not in handlers]:
            root.removeHandler(handler)
        for handler in [entry for entry in handlers if entry not in root.handlers]:
            root.addHandler(handler)
        root.setLevel(level)
        warnings.showwarning = show


@contextmanager
def uncollected() -> Iterator[None]:
    """
    Look for no garbage meanwhile, nor ever among what is there afterwards.

    Of the 300,000 objects that Airflow's modules make, all stay; to look through them takes half a second, which
    every run of many tasks would do again, and pytest at its end. The price: what a test holds at that moment is not
    found as garbage later, if it refers to itself.
    """
    collecting = gc.isenabled()
    gc.disable()
    before = gc.get_count()[0]
    try:
        yield
    finally:
        if gc.get_count()[0] - before > _MANY:
            gc.freeze()
        if collecting:
            gc.enable()
