from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_dynadag.errors import UnknownNameError
from pytest_dynadag.findings import Finding
from pytest_dynadag.generate.records import Failure, FileRecord, Generation, Root
from pytest_dynadag.graph.sources import Literal, Product
from pytest_dynadag.graph.structure import Structure, Task
from pytest_dynadag.location import Location


def make_structure(dag_id: str) -> Structure:
    """Make a DAG with a task that is mapped over three items."""
    mapping = Product((("x", Literal([1, 2, 3])),))
    return Structure(dag_id, (Task(task_id="load", mapping=mapping),), location=Location("/dags/a.py", 4))


GENERATION = Generation(
    airflow_version="3.3.2",
    files=(
        FileRecord("/dags/a.py", (make_structure("sales"), make_structure("stock")), seconds=0.5),
        FileRecord(
            "/dags/b.py",
            failures=(Failure(Finding("DYN401", None, Location("/dags/b.py", 3), "NameError: x"), "detail"),),
            warnings=("b.py:1: old",),
        ),
    ),
    seconds=1.5,
    roots=(Root(Path("/dags"), "named on the command line"),),
    notes=("let through the isolation: AIRFLOW_VAR_X",),
)


def test_a_generation_survives_a_round_trip_through_json() -> None:
    """What is given as JSON, whose reading cannot run anything, is read as it was."""
    read = Generation.from_dict(json.loads(json.dumps(GENERATION.to_dict())))

    assert GENERATION.to_dict() == read.to_dict()
    assert GENERATION.files == read.files


def test_another_format_is_refused() -> None:
    """A record of another version of this plugin is not misread."""
    with pytest.raises(ValueError, match=r"^generation format 0, but this version reads 1$"):
        Generation.from_dict({**GENERATION.to_dict(), "format": 0})


def test_reprs_show_counts() -> None:
    """A record of thousands of DAGs prints one line."""
    assert "<Generation: 2 files, 2 DAGs, 1 files failed>" == repr(GENERATION)
    assert "<FileRecord a.py: 2 DAGs, 0 failures>" == repr(GENERATION.files[0])


def test_a_dag_is_found_with_its_file() -> None:
    """The id of a DAG leads to the record of its file, and to its structure."""
    record, structure = GENERATION.find("stock")

    assert ("/dags/a.py", "stock") == (record.path, structure.dag_id)


def test_a_miss_names_the_nearest() -> None:
    """Who asks for a DAG that is not there is told which one comes nearest, where was looked, and what could not be."""
    with pytest.raises(UnknownNameError) as caught:
        GENERATION.find("slaes")

    assert (
        "/dags: there is no DAG 'slaes'; did you mean 'sales'?\n"
        "  not known is what is in files that could not be loaded: /dags/b.py"
    ) == str(caught.value)


def test_of_two_files_with_one_dag_id_the_first_counts() -> None:
    """A duplicate does not hide the DAG that was loaded first."""
    files = (
        FileRecord("/dags/a.py", (make_structure("x"),)),
        FileRecord("/dags/b.py", (make_structure("x"),)),
    )

    assert "/dags/a.py" == Generation("3.3.2", files).find("x")[0].path
