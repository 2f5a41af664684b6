"""What the sessions that tests start leave out: plugins that take longer to import than most of those sessions run."""

from __future__ import annotations

OPTIONS = ("-p", "no:hypothesispytest", "-p", "no:anyio")
ADDOPTS = " ".join(OPTIONS)
"""For the variable PYTEST_ADDOPTS."""
