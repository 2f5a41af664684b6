"""The verdict on a folder is the same in every session, however often and in however many processes it is asked for."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SESSIONS = int(os.environ.get("DYNADAG_SOAK", "0"))

pytestmark = [
    pytest.mark.skipif(not SESSIONS, reason="many sessions take many minutes: `make soak` has them"),
    pytest.mark.timeout(0),
]

CORPUS = Path(__file__).parents[1] / "determinism" / "corpus"
# For each circumstance a file or two, one that ends its process, and two that only look guilty.
FILES = (
    "planted/clock_default_args.py",
    "planted/clock_kills.py",
    "planted/context_fewer_tasks.py",
    "planted/env_getenv.py",
    "planted/hash_in_helper.py",
    "planted/hash_two_regions.py",
    "planted/listing_glob.py",
    "planted/random_uuid.py",
    "planted/second_counter.py",
    "planted/together_clock_and_host.py",
    "planted/zone_localtime.py",
    "clean/seeded_generator.py",
    "clean/set_of_task_names.py",
)
RULES = {f"DYN{number}" for number in range(101, 110)}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Make a project with the files, and with what they import."""
    (tmp_path / "dags").mkdir()
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    for name in FILES:
        shutil.copy(CORPUS / name, tmp_path / "dags")
    shutil.copytree(CORPUS / "planted" / "planted_shared", tmp_path / "dags" / "planted_shared")
    return tmp_path


def ask(project: Path, *way: str) -> dict[str, Any]:
    """Give the verdict of one session: how each check ended, and everything that is said of each finding."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--dynadag", "dags", *way]
    command += ["-k", "deterministic", "--dynadag-report", "report.json"]
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTEST"))}
    subprocess.run(command, cwd=project, env=ours, capture_output=True, check=False)
    report = json.loads((project / "report.json").read_text())
    (project / "report.json").unlink()
    return {
        "checks": sorted((check["nodeid"], check["outcome"]) for check in report["checks"]),
        "findings": sorted(map(_describe, report["findings"])),
    }


def _describe(finding: dict[str, Any]) -> tuple[str, int, str]:
    """Give what is said of a finding; what depends on the clock shows the time of the session."""
    message = finding["message"]
    if "clock" in finding["circumstance"]:
        message = re.sub(r"\d+", "N", message)
    return finding["rule"], finding["location"]["line"], message


def test_every_session_says_the_same(project: Path) -> None:
    """Sessions alone and with two workers by turns give one verdict, with every rule in it."""
    ways = [("-p", "no:xdist"), ("-n", "2")]
    first = ask(project, *ways[0])

    others = [ask(project, *way) for _ in range(SESSIONS) for way in ways]

    assert [first] * len(others) == others
    assert RULES == {rule for rule, *_ in first["findings"]}
    assert len(FILES) == len(first["checks"])
