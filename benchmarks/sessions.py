"""What benchmarks of whole sessions share: how one is started, without what the machine's environment would change."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start `pytest --dynadag dags` in *folder*; what it prints can be read."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--dynadag",
        "dags",
        *arguments,
    ]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTEST"))}
    return subprocess.Popen(command, cwd=folder, env=kept, stdout=subprocess.PIPE, text=True)
