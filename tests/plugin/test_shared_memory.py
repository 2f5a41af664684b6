"""Containers give little shared memory (/dev/shm), or none at all: nothing of ours needs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import lean
import pytest

TEST = """\
def test_run(dynadag):
    assert dynadag.run("sales").success
"""
SMALL = """
mount -t tmpfs -o size=4k none /dev/shm
test -d /dev/shm
"""
ABSENT = """
mkdir dev
mount -t tmpfs none dev
ln -s /proc/self/fd dev/fd
for name in null zero full random urandom; do touch dev/$name; mount --bind /dev/$name dev/$name; done
mount --bind dev /dev
test ! -e /dev/shm
"""


@pytest.mark.parametrize("change", [SMALL, ABSENT], ids=["small", "absent"])
def test_a_session_needs_no_shared_memory(project: pytest.Pytester, change: str) -> None:
    """With two workers, all that a session checks and runs passes."""
    (project.path / "test_it.py").write_text(TEST)

    result = run_where(
        change, project.path, "--dynadag", "dags", "test_it.py", "-n", "2", "--dynadag-seeds", "2"
    )

    assert "6 passed" in result.stdout, result.stdout + result.stderr


def run_where(change: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in *folder*, in a view of the file system of its own that a script has changed."""
    alone = ["unshare", "--mount", "sh", "-e", "-c"]
    if subprocess.run([*alone, "mount -t tmpfs none /dev/shm"], capture_output=True, check=False).returncode:
        pytest.skip("mounting needs rights that this process does not have")
    pytest_session = [sys.executable, "-m", "pytest", *lean.OPTIONS, *arguments]
    return subprocess.run(
        [*alone, f'{change}\nexec "$@"', "sh", *pytest_session],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
