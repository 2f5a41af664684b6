from __future__ import annotations

from pathlib import Path

from pytest_dynadag.generate.reading import describe_unvaried, read_names

TEXT = """\
import os
from os import environ, getenv

stage = os.environ.get("STAGE", "dev")
team = os.getenv("TEAM")
region, day = environ["REGION"], getenv("DAY")
os.environ["OWN"] = "1"
os.environ.setdefault("LEVEL", "1")
own = os.environ["OWN"] + os.environ.get("LEVEL")
home, key = os.environ["HOME"], os.environ["AIRFLOW__CORE__FERNET_KEY"]
computed = os.environ[stage]
settings.get("STRANGE")
"""
DESCRIBED = (
    "environment variables of your own: STAGE ({0}:4), TEAM ({0}:5), REGION ({0}:6) and 1 more; "
    "what depends on one may differ where it does (ini dynadag_own_circumstances changes it)"
)


def test_names_that_are_read(tmp_path: Path) -> None:
    """Each way to ask by name counts; what the file sets itself, and what is computed, does not."""
    path = tmp_path / "sales.py"
    path.write_text(TEXT)

    names = {"STAGE": 4, "TEAM": 5, "REGION": 6, "DAY": 6, "HOME": 10, "AIRFLOW__CORE__FERNET_KEY": 10}
    assert names == read_names(path)


def test_names_that_no_generation_changes(tmp_path: Path) -> None:
    """They are told with the places that read them; what is varied or isolated is left out."""
    path = tmp_path / "sales.py"
    path.write_text(TEXT)

    assert (DESCRIBED.format(path),) == describe_unvaried([str(path)])


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """Whoever loads it says why; here it is passed over, as is one that asks for nothing."""
    (tmp_path / "bad.py").write_text("environ[")
    (tmp_path / "plain.py").write_text("x = 1")

    assert () == describe_unvaried(str(tmp_path / name) for name in ("bad.py", "plain.py", "none.py"))
