"""What processes print while they load DAG files: kept in a file without a name, and only the end where it is long."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

LONGEST = 1 << 24
"""How many bytes are kept, but for what comes between two looks."""

_MOST_READ = 1 << 16  # bytes


@contextmanager
def printed_in(folder: Path) -> Iterator[Printed]:
    """Open a file below *folder* for a process to print into: nobody finds it, and it goes with who has it open."""
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        # Whoever writes, adds to the end, also after the file has been cut.
        fcntl.fcntl(file, fcntl.F_SETFL, fcntl.fcntl(file, fcntl.F_GETFL) | os.O_APPEND)
        yield Printed(file.fileno())


@dataclass(frozen=True, slots=True)
class Printed:
    """What has been printed into the open file *number*."""

    number: int

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return os.fstat(self.number).st_size

    def read_end(self, start: int = 0) -> str:
        """Give the end of what stands there from the byte *start* on."""
        return os.pread(self.number, _MOST_READ, max(start, self.size - _MOST_READ)).decode(errors="replace")

    def bound(self) -> bool:
        """Keep only the end, where it has become very long; tell whether it had."""
        if self.size <= LONGEST:
            return False
        end = self.read_end().encode()
        os.ftruncate(self.number, 0)
        os.write(self.number, end)
        return True
