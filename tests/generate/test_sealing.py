"""What processes tell each other through files, so that nobody else reads it."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import InvalidToken

from pytest_dynadag.generate.sealing import Seal

DATA = {"password": "canary", "numbers": [1, None, 2.5], "name": "Jürgen"}


def test_data_survives_a_round_trip_through_a_file(tmp_path: Path) -> None:
    """Who was given the key reads what was saved, and no unfinished file is left."""
    Seal("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=").save(tmp_path / "record", DATA)

    assert DATA == Seal("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=").read(tmp_path / "record")
    assert ["record"] == [path.name for path in tmp_path.iterdir()]


def test_nobody_else_reads_it(tmp_path: Path) -> None:
    """Each seal has a key of its own, which it does not show; the data is not to be seen in the file."""
    seal = Seal()
    seal.save(tmp_path / "record", DATA)

    with pytest.raises(InvalidToken):
        Seal().read(tmp_path / "record")
    assert b"canary" not in (tmp_path / "record").read_bytes()
    assert "<Seal>" == repr(seal)


def test_what_is_closed_is_one_line() -> None:
    """Whatever the data holds, lines of it can be told apart."""
    assert 1 == len(Seal().close({"text": "two\nlines"}).splitlines())
