"""Who asks for the time, for a random number, for a listing: the line of the user's code, and what it gets."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from types import FrameType

from pytest_dynadag.bridge.lines import LIBRARIES

Site = tuple[str, int]
"""A file and a line."""


class Asking:
    """
    Decides who gets the changed value of a circumstance, and notes who asked.

    Args:
        file: The DAG file that is being parsed; it is the user's wherever it lies.
        changed: Circumstances that are changed for everybody.
        only: (circumstance, file, line): changed for who asks there, and for nobody else.
        noting: Whether to find out and note who asks.
    """

    def __init__(
        self,
        file: str,
        changed: Iterable[str] = (),
        only: tuple[str, str, int] | None = None,
        *,
        noting: bool = False,
    ) -> None:
        self.file = file
        self.changed = frozenset(changed)
        self.only = only
        self.noting = noting
        self.sites: dict[str, dict[Site, Site]] = {}

    def __repr__(self) -> str:
        return f"<Asking in {Path(self.file).name}: {sum(map(len, self.sites.values()))} sites>"

    def is_changed(self, circumstance: str) -> bool:
        """Tell whether who called our stand-in gets the changed value, and note where that is."""
        if not self.noting:
            return circumstance in self.changed
        site, outer = self._find(sys._getframe(2))  # noqa: SLF001
        return self.is_changed_at(circumstance, site, outer)

    def is_changed_at(self, circumstance: str, site: Site | None, outer: Site | None = None) -> bool:
        """Tell whether who asks at *site* gets the changed value; *outer* is the line in the DAG file."""
        if site is not None and self.noting:
            self.sites.setdefault(circumstance, {}).setdefault(site, outer or site)
        if self.only is not None and self.only[0] == circumstance:
            return site == self.only[1:]
        return circumstance in self.changed

    def find_site(self) -> Site | None:
        """Give the innermost line of the user's code that led here."""
        return self._find(sys._getframe(1))[0]  # noqa: SLF001

    def is_own_call(self) -> bool:
        """Tell whether it is the user's code itself that called one of our stand-ins, not a library for it."""
        frame: FrameType | None = sys._getframe(2)  # noqa: SLF001
        while frame is not None and frame.f_code.co_filename.startswith(LIBRARIES[0]):
            frame = frame.f_back
        return frame is not None and self._is_own(frame.f_code.co_filename)

    def is_own_file(self, file: str) -> bool:
        """Tell whether *file* is the user's."""
        return self._is_own(file)

    def _is_own(self, file: str) -> bool:
        return file == self.file or not file.startswith(("<", *LIBRARIES))

    def _find(self, frame: FrameType | None) -> tuple[Site | None, Site | None]:
        """Give the innermost line of the user's, and the innermost of the DAG file."""
        innermost: Site | None = None
        while frame is not None:
            file = frame.f_code.co_filename
            if file == self.file:
                here = (file, frame.f_lineno)
                return innermost or here, here
            if innermost is None and self._is_own(file):
                innermost = (file, frame.f_lineno)
            frame = frame.f_back
        return innermost, innermost
