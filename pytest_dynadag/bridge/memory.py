"""How much memory a process may use while it loads a DAG file."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def limited_memory(more: int) -> Iterator[None]:
    """Let this process use *more* bytes of memory than it does now, then any; 0 is no limit. Beyond: `MemoryError`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if more and soft == resource.RLIM_INFINITY:  # a limit that was set before stays
        resource.setrlimit(resource.RLIMIT_DATA, (_used_memory() + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _used_memory() -> int:
    """Return what the limit counts: private memory that can be written to (`VmData`), in bytes."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[5]
    except OSError:
        return 0
    return int(pages) * resource.getpagesize()
