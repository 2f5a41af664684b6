"""
What the processes of a session tell each other through files, written so that nobody else can read it.

What DAG files say may hold secrets. Their meaning must not change on the way, so nothing in it is hidden; the files
that carry it are sealed instead, and what a killed process leaves on the disk says nothing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet


class Seal:
    """
    Closes JSON data, and opens what another process has closed with the same key.

    Args:
        key: As another seal's `key`; a new one unless given. Never written to a file, nor to the environment.
    """

    def __init__(self, key: str | None = None) -> None:
        self.key = key or Fernet.generate_key().decode()
        self._fernet = Fernet(self.key)

    def __repr__(self) -> str:
        return "<Seal>"

    def close(self, data: Any) -> bytes:
        """Give JSON *data* as one line that only who has the key can read, without the line's end."""
        # The instant would be readable, and a DAG file may have a hand in the clock.
        return self._fernet.encrypt_at_time(json.dumps(data).encode(), 0)

    def open(self, line: bytes) -> Any:
        """
        Give what `close` was given.

        Raises:
            cryptography.fernet.InvalidToken: It was closed with another key, or has been changed.
        """
        return json.loads(self._fernet.decrypt(line))

    def save(self, path: Path, data: Any) -> None:
        """Write JSON *data* to *path*, so that whoever finds the file finds all of it."""
        unfinished = path.with_name(f"{path.name}.unfinished")
        unfinished.write_bytes(self.close(data))
        unfinished.replace(path)

    def read(self, path: Path) -> Any:
        """Read what `save` wrote to *path*; raises as `open` does."""
        return self.open(path.read_bytes())
