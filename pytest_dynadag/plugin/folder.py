"""The private folder that the processes of a session share, and what sessions that were killed left of theirs."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filelock import BaseFileLock

PREFIX = "dynadag-"
FORGOTTEN = 3600.0
"""Seconds after which a folder that no process holds is taken for a leftover."""

_LOCKS = "alive-*.lock"


def choose_folder() -> Path:
    """Give the path of a folder that no other session has; made by `make_folder`."""
    return Path(tempfile.gettempdir(), f"{PREFIX}{os.urandom(8).hex()}").absolute()


def make_folder(folder: Path) -> BaseFileLock:
    """
    Make *folder* for its owner only, where no other process of the session has, and remove old leftovers beside it.

    Returns:
        A lock: as long as this process lives and holds it, no other session removes the folder.
    """
    from filelock import FileLock

    folder.mkdir(mode=0o700, exist_ok=True)
    lock = FileLock(folder / _LOCKS.replace("*", str(os.getpid())))
    lock.acquire()
    for other in folder.parent.glob(f"{PREFIX}*"):
        if other != folder:
            remove_forgotten(other)
    return lock


def remove_forgotten(folder: Path) -> None:
    """Remove a folder of ours that is old and that no living process holds; leave any other alone."""
    from filelock import FileLock, Timeout

    with suppress(OSError, Timeout), ExitStack() as held:  # not ours, or alive
        status = folder.lstat()
        if status.st_uid != os.getuid() or time.time() - status.st_mtime < FORGOTTEN:
            return
        locks = list(folder.glob(_LOCKS))
        for lock in locks:
            held.enter_context(FileLock(lock, timeout=0))
        if locks:  # without any it never was a session's
            shutil.rmtree(folder, ignore_errors=True)
