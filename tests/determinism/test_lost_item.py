"""Why order matters: a scheduler and its workers parse one file under different hash seeds."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_dynadag.generate.circumstances import Variation
from pytest_dynadag.generate.packing import unpack
from pytest_dynadag.generate.probing import generate
from pytest_dynadag.generate.records import Root
from pytest_dynadag.graph.planner import plan
from pytest_dynadag.graph.structure import Structure

DAG_FILE = Path(__file__).parents[2] / "example_dags" / "broken" / "nondeterministic" / "hash_seed.py"
REGIONS = ["apac", "eu", "latam", "us"]


def _parse_under(seed: int, folder: Path) -> list[str]:
    """Give what each instance gets in a process of its own, under a hash seed."""
    generation = generate(
        [Root(DAG_FILE, "the example")],
        folder=folder / f"seed-{seed}",
        variation=Variation({"hash_seed": seed}, now=1_700_000_000.0),
    )
    parsed = unpack(generation.files[0].parses[0]["dags"]["hash_seed"])["structure"]
    return [inputs["region"] for inputs in plan(Structure.from_dict(parsed))["load"].inputs]


@pytest.fixture(scope="module")
def parses(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """Parse the file in five processes."""
    folder = tmp_path_factory.mktemp("seeds")
    return [_parse_under(seed, folder) for seed in range(5)]


def test_every_parse_has_every_region(parses: list[list[str]]) -> None:
    """Each process for itself is right: four instances, one per region."""
    assert [REGIONS] * 5 == [sorted(regions) for regions in parses]


def test_one_region_is_loaded_twice_and_one_never(parses: list[list[str]]) -> None:
    """Four workers, each with its own seed, execute load[0] to load[3] as the scheduler tells them, and all succeed."""
    scheduler, *workers = parses
    loaded = [worker[index] for index, worker in enumerate(workers)]
    assert len(scheduler) == len(loaded)
    assert len(set(loaded)) < len(REGIONS), "a region was loaded twice, so another one never"
    assert set(REGIONS) - set(loaded)


def test_one_process_hides_it(parses: list[list[str]]) -> None:
    """Where the workers are forked from the scheduler, as with one LocalExecutor, nothing is lost."""
    scheduler = parses[0]
    assert sorted(scheduler[index] for index in range(4)) == REGIONS
