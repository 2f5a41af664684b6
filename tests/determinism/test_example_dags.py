"""Airflow's own example DAGs: what is found there is really there."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from pytest_dynadag.generate.determinism import check
from pytest_dynadag.generate.divergences import Determinism
from pytest_dynadag.generate.records import Root

pytestmark = pytest.mark.timeout(900)  # whole folders are parsed, on machines that do other things too

# Each with the reason why it is no false alarm.
TRULY_THERE = {
    ("example_params_ui_tutorial.py", "DYN103"): "the default of two params is date.today()",
    ("example_sensors.py", "DYN103"): "2.11: sensors wait for a time that is computed from datetime.now()",
    ("example_asset_partition.py", "DYN102"): (
        "3.3: Airflow keeps the keys of a SegmentWindow in a frozenset and stores them in its order; its own dag_hash "
        "changes too"
    ),
}


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Determinism:
    """Check the example DAGs that come with Airflow."""
    spec = find_spec("airflow")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "example_dags"
    return check([Root(folder, "Airflow's own")], folder=tmp_path_factory.mktemp("examples"))


def test_only_what_is_truly_there_is_found(examples: Determinism) -> None:
    """No finding is without a reason that a reader of the file can follow."""
    found = {
        (Path(file.path).name, entry.rule): str(entry.finding)
        for file in examples.files
        for entry in file.divergences
    }
    assert {key: text for key, text in found.items() if key not in TRULY_THERE} == {}
    assert len(examples.files) > 40


def test_the_clock_in_an_example_is_found_at_its_line(examples: Determinism) -> None:
    """The examples' own dependence on the clock is found, and the line that asks."""
    file = next(file for file in examples.files if file.path.endswith("example_params_ui_tutorial.py"))
    sources = {entry.source for entry in file.divergences}
    assert any("date.today()" in source for source in sources)
