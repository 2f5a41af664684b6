"""What the tests of determinism share: one check of each half of the corpus."""

from __future__ import annotations

import pytest
from expectations import CORPUS, check_folder

from pytest_dynadag.generate.divergences import Determinism


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Determinism:
    """Check the files that have one defect each."""
    return check_folder(CORPUS / "planted", tmp_path_factory.mktemp("planted"))


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Determinism:
    """Check the files that look guilty and are not."""
    return check_folder(CORPUS / "clean", tmp_path_factory.mktemp("clean"))
