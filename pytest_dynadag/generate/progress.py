"""How far something is that takes long: counted by whoever does it, told every other second."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable

Tell = Callable[[str], None]
"""Called with a line of progress."""

_EVERY = 2.0  # seconds between two lines


def count_aloud(tell: Tell, line: str, *, times: int = 1) -> Callable[[int], None]:
    """
    Count the files that are done, and tell how many every other second.

    Args:
        tell: Called with the line.
        line: With a place for the number of files that are done, and one for the number of all.
        times: How often each file is done.

    Returns:
        What counts, to be called with the number of files whenever one is done, by any thread.
    """
    done = itertools.count(1)
    last = [time.clock_gettime(time.CLOCK_MONOTONIC)]

    def count(files: int) -> None:
        number, now = next(done), time.clock_gettime(time.CLOCK_MONOTONIC)
        if now - last[0] >= _EVERY:
            last[0] = now
            tell(line.format(number, files * times))

    return count
