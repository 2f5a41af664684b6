"""Lines of progress, shown once something takes long."""

from __future__ import annotations

import sys
import time
from contextlib import nullcontext

import pytest

_PATIENCE = 2.0  # seconds after which progress is shown


class Progress:
    """Shows lines of progress once something takes long."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.started = time.clock_gettime(time.CLOCK_MONOTONIC)

    def tell(self, line: str) -> None:
        """Show *line*, if it is late enough; an xdist worker on its stderr: its stdout leads nowhere."""
        if time.clock_gettime(time.CLOCK_MONOTONIC) - self.started < _PATIENCE:
            return
        capture = self.config.pluginmanager.getplugin("capturemanager")
        reporter = self.config.pluginmanager.getplugin("terminalreporter")
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            if hasattr(self.config, "workerinput"):
                sys.stderr.write(f"dynadag: {line}\n")
                sys.stderr.flush()
            elif reporter:
                reporter.write_line(f"dynadag: {line}")
