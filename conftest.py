"""What the whole suite shares: pytest's own fixture for testing plugins, and little else."""

from __future__ import annotations

pytest_plugins = ["pytester"]
