from __future__ import annotations

from pathlib import Path

import pytest

from pytest_dynadag.findings import Finding
from pytest_dynadag.generate.records import Failure, FileRecord, Generation, Root
from pytest_dynadag.graph.sources import Concat, Literal, MappingForm, Output, Product, Rows
from pytest_dynadag.graph.structure import Group, Structure, Task
from pytest_dynadag.location import Location
from pytest_dynadag.plugin.reporting import (
    MOST_OUTLOOKS,
    Check,
    describe_generation,
    describe_lengths,
    format_errors,
    format_outlooks,
    format_table,
)

ROOT = Path("/project")


def make_dag(dag_id: str, mapping: MappingForm | None = None) -> Structure:
    """Make a DAG with a source, and a task that may be mapped."""
    return Structure(
        dag_id, (Task(task_id="names"), Task(task_id="load", mapping=mapping, upstream=("names",)))
    )


def generation_of(*structures: Structure, roots: tuple[Root, ...] = ()) -> Generation:
    """Make a generation of one file."""
    return Generation("3.3.2", (FileRecord("/project/dags/a.py", structures),), 2.345, roots)


def test_the_header_counts_and_gives_reasons() -> None:
    """Version, files, DAGs, seconds, folders with why; a long command line is cut."""
    named = tuple(Root(ROOT / f"dags/{n}.py", "named on the command line") for n in range(6))

    assert (
        "dynadag: Airflow 3.3.2, 1 file with 1 DAG in 2.3 s from dags/0.py, dags/1.py, dags/2.py, dags/3.py "
        "and 2 more (named on the command line); /elsewhere (ini dynadag_dags)"
    ) == describe_generation(
        generation_of(make_dag("a"), roots=(*named, Root(Path("/elsewhere"), "ini dynadag_dags"))), ROOT
    )


def test_a_row_tells_what_a_dag_becomes_and_how_its_cases_went() -> None:
    """Tasks, mapped tasks, cases by outcome, and where lengths come from."""
    generation = generation_of(make_dag("sales", Product((("name", Output("names")),))), make_dag("plain"))
    outcomes = ["passed", "failed", "passed"]
    checks = [Check("case", "sales", "dags/a.dynadag.yaml", outcome) for outcome in outcomes]

    assert [
        "DAG    tasks  mapped  cases               lengths",
        "sales  2      1       2 passed, 1 failed  load <- names",
        "plain  2      0       -                   -",
    ] == format_table(generation, [*checks, Check("expands", "plain", "dags/a.py", "passed")])


def test_a_dag_that_was_not_checked_has_no_row() -> None:
    """What `-k` leaves out does not fill the screen."""
    generation = generation_of(make_dag("sales"), make_dag("other"))

    table = format_table(generation, [Check("expands", "other", "dags/a.py", "passed")])

    assert ["DAG", "other"] == [line.split()[0] for line in table]
    assert [] == format_table(generation, [])


def test_a_long_table_shows_what_is_mapped_first() -> None:
    """Of many DAGs, those with mapped tasks come first, and what is left out is counted."""
    plain = [make_dag(f"plain_{n}") for n in range(50)]
    generation = generation_of(*plain, make_dag("sales", Rows(Output("names"))))

    table = format_table(generation, [Check("expands", dag, "", "passed") for dag in generation.dags])

    assert 42 == len(table)
    assert ["sales", "plain_0"] == [line.split()[0] for line in table[1:3]]
    assert "... and 11 more DAGs, none of them mapped" == table[-1]


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        (Product((("x", Output("names")),)), "load <- names"),
        (Product((("x", Literal([1, 2, 3])),)), "load literal 3"),
        (Product((("x", Literal([1, 2])), ("y", Literal({"a": 1})))), "load literal 2 x 1"),
        (Product((("x", Literal([1, 2])), ("y", Output("names")))), "load <- literal 2 x names"),
        (Rows(Output("names")), "load <- rows of names"),
        (Rows(Literal([{"x": 1}])), "load literal 1"),
        (
            Product((("x", Concat((Output("names"), Output("names", "k")))),)),
            "load <- names.concat(names['k'])",
        ),
    ],
)
def test_lengths_are_told_by_their_sources(mapping: MappingForm, expected: str) -> None:
    """Each form of mapping says what its length comes from."""
    assert expected == describe_lengths(make_dag("sales", mapping))


def test_a_mapped_group_is_told_once() -> None:
    """The tasks of a mapped group share their length, so the group is named instead of each of them."""
    group = Group("each", mapping=Product((("x", Output("names")),)))
    inner = tuple(Task(task_id=f"each.{name}", group_id="each", upstream=("names",)) for name in "ab")

    assert "each <- names" == describe_lengths(Structure("g", (Task(task_id="names"), *inner), (group,)))


@pytest.mark.parametrize("file", ["dags/bad.py", "../project/dags/bad.py"])
def test_files_that_did_not_load_have_a_line_each(file: str) -> None:
    """Rule, place and the first line of the message, wherever pytest's root is."""
    finding = Finding("DYN401", None, Location("/project/dags/bad.py", 2), "NameError: x\n  more")
    generation = Generation("3.3.2", (FileRecord("/project/dags/bad.py", failures=(Failure(finding),)),))

    assert ["DYN401 dags/bad.py:2 NameError: x"] == format_errors(
        generation, [Check("imports", None, file, "failed")], ROOT
    )
    assert [] == format_errors(generation, [], ROOT)


def test_what_becomes_of_a_dag_without_data_is_told() -> None:
    """A line says what each empty source does to whom; what is known not to work in Airflow is told too."""
    tasks = (
        Task(task_id="names"),
        Task(task_id="load", mapping=Product((("name", Output("names")),)), upstream=("names",)),
        Task(task_id="report", upstream=("load",)),
    )
    checks = [Check("expands", "sales", "dags/a.py", "passed"), Check("case", "plain", "dags/a.py", "passed")]

    assert [
        "sales: with 0 from names: load is skipped, so report is skipped: trigger rule all_success"
    ] == format_outlooks(generation_of(Structure("sales", tasks), make_dag("plain")), checks)


def test_many_outlooks_are_counted() -> None:
    """A large folder does not fill the log."""
    dags = [make_dag(f"d{n}", Product((("name", Output("names")),))) for n in range(25)]
    checks = [Check("expands", dag.dag_id, "dags/a.py", "passed") for dag in dags]

    lines = format_outlooks(generation_of(*dags), checks)

    assert [MOST_OUTLOOKS, "... and 5 more lines"] == [len(lines) - 1, lines[-1]]
