from __future__ import annotations

import datetime as dt
import random
import subprocess
import sys
import unicodedata
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_dynadag.graph.edges import Dependency
from pytest_dynadag.graph.expansion import Expansion, TaskExpansion
from pytest_dynadag.graph.given import Failed, Given, Skipped
from pytest_dynadag.graph.planner import plan
from pytest_dynadag.graph.sources import Argument, Function, Literal, Map, Output, Product, Rows, Zip
from pytest_dynadag.graph.structure import Group, Structure, Task
from pytest_dynadag.render.snapshot import digest_given, write_snapshot

SALES = Structure(
    "sales",
    (
        Task(task_id="list_regions", operator="@task"),
        Task(
            task_id="load",
            operator="@task",
            mapping=Product((("region", Output("list_regions")),)),
            upstream=("list_regions",),
        ),
        Task(task_id="report", operator="@task", upstream=("load",)),
    ),
)
FILES = Structure(
    "files",
    (
        Task(task_id="list_files"),
        Task(task_id="each.read", group_id="each", upstream=("list_files",)),
        Task(task_id="each.load", group_id="each", upstream=("each.read",)),
    ),
    (Group("each", mapping=Product((("path", Output("list_files")),))),),
)


@dataclass(frozen=True)
class Run:
    """As much of a run as a snapshot needs."""

    state: str
    expansion: Expansion
    secrets: frozenset[str] = frozenset()


def test_what_a_run_was_given_in_secret_is_hidden_wherever_it_stands() -> None:
    """A password of a Connection shows nowhere in the snapshot of its run, whatever it is called there."""
    observed = Run(
        "success", expand({"address": "db for hunter22"}, labels=["hunter22"]), frozenset(["hunter22"])
    )

    text = write_snapshot(observed)

    assert '  "***" address="db for ***" #0' in text.splitlines()


def plan_sales(regions: list[Any]) -> Expansion:
    """Plan the DAG that maps over *regions*."""
    return plan(SALES, Given.of({"list_regions": regions}), label=lambda task, inputs: None)


def expand(*inputs: dict[str, Any], states: tuple[str, ...] = ("success",), labels: Any = ()) -> Expansion:
    """Give an expansion of one mapped task."""
    return Expansion("d", (TaskExpansion("load", len(inputs), True, states, list(inputs), labels),))


def write_inputs(**inputs: Any) -> str:
    """Give what a snapshot says of one instance."""
    [line] = [line for line in write_snapshot(expand(inputs)).splitlines() if line.startswith("  ")]
    return line.strip().removesuffix(" #0")


def test_a_plan() -> None:
    """A plan's snapshot has a head, a line per task, a line per instance in its order, a line per dependency."""
    text = """\
pytest-dynadag snapshot 1
dag: sales
plan
given: 0f1e2d

[tasks]
list_regions
load: 2 mapped
  region="us" #0
  region="eu" #1
report

[dependencies]
list_regions -> load: all
load -> report: all
"""

    assert text == write_snapshot(plan_sales(["us", "eu"]), given="0f1e2d")


def test_a_run() -> None:
    """A run's snapshot has the states as well: of a task where its instances are alike, else of each instance."""
    expansion = Expansion(
        "d",
        (
            TaskExpansion("load", 2, True, ("success", "failed"), [{"n": 1}, {"n": 2}]),
            TaskExpansion("report", 1, False, ("upstream_failed",)),
            TaskExpansion("start", 1, False, ("success",)),
        ),
    )
    text = """\
pytest-dynadag snapshot 1
dag: d
run: failed

[tasks]
load: 2 mapped, 1 failed, 1 success
  n=1 #0 success
  n=2 #1 failed
report: upstream_failed
start: success
"""

    assert text == write_snapshot(Run("failed", expansion))


def test_a_structure() -> None:
    """A structure's snapshot has what its author wrote, apart from where, each argument on a line of its own."""
    structure = Structure(
        "tenants",
        (
            Task(
                task_id="list_files",
                operator="PythonOperator",
                arguments={
                    "python_callable": test_a_plan,
                    "op_kwargs": {"password": "hunter22"},
                    "doc_md": "x",
                },
                retries=2,
            ),
            Task(
                task_id="each.load",
                operator="@task",
                group_id="each",
                upstream=("list_files",),
                trigger_rule="all_done",
                map_index_template="{{ path }}",
                arguments={"op_kwargs": {"path": Argument("each", "path")}, "pool": "wide"},
            ),
            Task(
                task_id="pairs",
                mapping=Product((("pair", Zip((Output("list_files"), Literal([1, 2])), fillvalue=0)),)),
            ),
            Task(task_id="rows", mapping=Rows(Map(Output("list_files", "rows"), (Function("as_row"),)))),
        ),
        (Group("each", mapping=Product((("path", Literal(("a", "b"))),))),),
        settings={
            "timetable": "CronTriggerTimetable 0 0 * * *",
            "start_date": dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc),
            "tags": frozenset(["b", "a"]),
            "params": {},
            "max_active_tasks": 16,
        },
    )
    text = """\
pytest-dynadag snapshot 1
dag: tenants
structure

[settings]
schedule: "0 0 * * *"
start_date: 2024-01-01T00:00:00+00:00
tags: {"a", "b"}

[groups]
each: over path=["a", "b"]

[tasks]
each.load: @task
  group: each
  map_index_template: "{{ path }}"
  op_kwargs: {"path": <each(path)>}
  pool: "wide"
  trigger_rule: all_done
list_files: PythonOperator
  op_kwargs: {"password": ***}
  python_callable: <function test_a_plan>
  retries: 2
pairs: Operator over pair=zip(<list_files>, [1, 2], fillvalue=0)
rows: Operator over rows of <list_files['rows']>.map(<function as_row>)

[dependencies]
list_files -> each.load
"""

    assert text == write_snapshot(structure)


def test_a_structure_reads_the_same_from_a_record() -> None:
    """Whether a structure comes from a process of its own or from this one, its snapshot is the same."""
    task = replace(
        SALES["load"], arguments={"callable": len, "at": dt.timedelta(seconds=5), "pair": (1, {2})}
    )
    structure = Structure("d", (SALES["list_regions"], task))

    assert write_snapshot(structure) == write_snapshot(Structure.from_dict(structure.to_dict()))


def test_a_task_that_is_not_expanded_says_how_it_ends() -> None:
    """Count 0 stands with its state, a length that nobody knows as a question mark."""
    empty = write_snapshot(plan_sales([]))
    unknown = write_snapshot(plan(SALES, Given.of({}), strict=False, label=lambda task, inputs: None))

    assert "load: 0 mapped, skipped\nreport: skipped\n" in empty
    assert "load: ? mapped, unknown\n" in unknown


def test_an_output_that_is_given_as_skipped() -> None:
    """What a skipped source does to those below stands in the snapshot."""
    skipped = plan(SALES, Given.of({"list_regions": Skipped()}), label=lambda task, inputs: None)

    assert "list_regions: skipped\nload: 0 mapped, skipped\nreport: skipped\n" in write_snapshot(skipped)


def test_dependencies_say_their_kind() -> None:
    """Inside a mapped group an instance waits for its own index, elsewhere for all."""
    text = write_snapshot(plan(FILES, Given.of({"list_files": ["a", "b"]}), label=lambda task, inputs: None))

    assert "each.read -> each.load: index\nlist_files -> each.read: all\n" in text


def test_twenty_instances_stand_in_full() -> None:
    """Up to twenty instances have a line each."""
    assert 20 == write_snapshot(expand(*({"n": n} for n in range(20)))).count(" #")


def test_more_instances_are_folded() -> None:
    """More than twenty are folded to the first, the last, and how many with which digest between them."""
    lines = write_snapshot(expand(*({"n": n} for n in range(21)))).splitlines()

    assert ["load: 21 mapped", "  n=0 #0", "  ... 19 more, 03515ab7ed65", "  n=20 #20"] == lines[-4:]


def test_a_change_among_folded_instances_changes_the_digest() -> None:
    """Nothing that changes is hidden by folding."""
    one = write_snapshot(expand(*({"n": n} for n in range(50))))
    other = write_snapshot(expand(*({"n": n if n != 25 else "x"} for n in range(50))))

    assert 1 == sum(a != b for a, b in zip(one.splitlines(), other.splitlines(), strict=True))


def test_instances_are_known_by_their_label() -> None:
    """A label stands in front of the inputs, a question mark where only a run can tell it."""
    assert '  "in eu" region="eu" #0' in write_snapshot(expand({"region": "eu"}, labels=("in eu",)))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, "null"),
        (True, "true"),
        (1.5, "1.5"),
        ('it\'s "so"', '"it\'s \\"so\\""'),
        ([1, (2, 3)], "[1, [2, 3]]"),
        ({"b": 1, "a": [None]}, '{"a": [null], "b": 1}'),
        ({3, 1, 2}, "{1, 2, 3}"),
        (dt.datetime(2024, 5, 1, 6, tzinfo=dt.timezone.utc), "2024-05-01T06:00:00+00:00"),
        (dt.date(2024, 5, 1), "2024-05-01"),
        (dt.timedelta(minutes=5), "300s"),
        (b"abc", "<3 bytes, ba7816bf8f01>"),
        (len, "<function len>"),
        (object(), "<object>"),
        (Run, "<function Run>"),
        (random.Random(1), "<Random>"),
    ],
)
def test_values_are_written_alike_everywhere(value: Any, written: str) -> None:
    """Whatever an instance gets has one way of being written, without addresses, modules and kinds of list."""
    assert f"x={written}" == write_inputs(x=value)


@dataclass
class Table:
    name: str
    api_token: str = ""


def test_an_object_is_written_by_what_it_says() -> None:
    """An object whose repr tells more than its address is written with it, secrets hidden."""
    assert "x=<Table \"Table(name='a', api_token=***)\">" == write_inputs(x=Table("a", "topsecret"))


@pytest.mark.parametrize(
    ("hostile", "written"),
    [
        ("\x1b[31mred", '"\\u001b[31mred"'),
        ("\x9b31m", '"\\u009b31m"'),
        ("one\nreport: 7 mapped", '"one\\nreport: 7 mapped"'),
        ("\u202egnp.exe", '"\\u202egnp.exe"'),
        ("a\u2028b", '"a\\u2028b"'),
        ("\ud800", '"\\ud800"'),
        ("<script>alert(1)</script>", '"<script>alert(1)</script>"'),
    ],
)
def test_a_value_stays_inside_its_quotes(hostile: str, written: str) -> None:
    """No value begins a line of its own, moves the cursor, or turns the text around; markup is quoted text."""
    assert f"x={written}" == write_inputs(x=hostile)


def test_names_are_quoted_where_they_are_not_plain() -> None:
    """An argument or an id with spaces, colons or line ends in it cannot be taken for something else."""
    assert '"a\\nb: c"=1' == write_inputs(**{"a\nb: c": 1})


def test_a_long_text_is_cut_and_ends_in_a_digest() -> None:
    """A text of more than 120 characters shows its beginning, its length and a digest that tells it from others."""
    first, second = write_inputs(x="a" * 1000), write_inputs(x="a" * 999 + "b")

    assert f'x="{"a" * 80}..."<1000 characters, 41edece42d63>' == first
    assert first != second


def test_a_long_list_is_cut_and_ends_in_a_digest() -> None:
    """A list of more than 240 characters shows its first items and how many more there are."""
    assert "x=[0, 1, 2" == write_inputs(x=list(range(1000)))[:10]
    assert write_inputs(x=list(range(1000))).endswith("31, 32, <967 more, 0a74e6a5dd95>]")


@pytest.mark.parametrize("name", ["password", "API_KEY", "my-token", "db.secret", "Proxies", "access key"])
def test_secrets_are_masked(name: str) -> None:
    """What stands under a name that Airflow masks is masked, on any level."""
    from pytest_dynadag.render.values import write_name

    assert f"{write_name(name)}=***" == write_inputs(**{name: "hunter2"})
    assert "hunter2" not in write_inputs(x=[{"y": {name: ["hunter2"]}}])


def test_a_secret_is_masked_wherever_it_stands() -> None:
    """A text once seen under a secret name is hidden in labels and other values too."""
    text = write_snapshot(expand({"password": "hunter22", "url": "x?p=hunter22"}, labels=("by hunter22",)))

    assert '  "by ***" password=*** url="x?p=***" #0' == text.splitlines()[-1]


def test_the_password_of_a_url_is_masked() -> None:
    """A login in a URL keeps its user and loses its password."""
    assert 'x="postgresql://me:***@db/sales"' == write_inputs(x="postgresql://me:hunter22@db/sales")


def test_paths_are_written_from_the_projects_folder_on() -> None:
    """A path in the project is the same in every checkout."""
    text = write_snapshot(expand({"path": "/home/ada/project/sql/a.sql"}), root="/home/ada/project")

    assert '  path="<root>/sql/a.sql" #0' == text.splitlines()[-1]


def test_nothing_else_can_be_snapshot() -> None:
    """A value of another kind is an error that says what a snapshot is taken of."""
    with pytest.raises(TypeError) as caught:
        write_snapshot({"load": 2})  # type: ignore[arg-type]

    message = "a snapshot is taken of an Expansion, a Run or a Structure, not of {'load': 2}"
    assert message == str(caught.value)


_SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
_VALUES = st.recursive(
    _SCALARS, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=3), v, max_size=3)
)


def _shuffle(value: Any) -> Any:
    """Give an equal value: dicts in another order, lists as tuples."""
    if isinstance(value, dict):
        return {key: _shuffle(item) for key, item in reversed(value.items())}
    return [_shuffle(item) for item in value] if isinstance(value, list) else value


@given(st.lists(st.dictionaries(st.text(max_size=3), _VALUES, max_size=3), max_size=25))
def test_equal_expansions_have_equal_snapshots(inputs: list[dict[str, Any]]) -> None:
    """Tasks, dependencies and the keys of dicts in another order make no other snapshot."""
    tasks = (TaskExpansion("a", 1, False, ("success",)), *expand(*inputs).tasks)
    shuffled = (*expand(*map(_shuffle, inputs)).tasks, tasks[0])
    edge = Dependency(tasks[0].nodes, tasks[1].nodes, "index", 1)
    one, other = Expansion("d", tasks, (edge, edge)), Expansion("d", shuffled, (edge, edge))

    assert one == other
    assert write_snapshot(one) == write_snapshot(other)


@given(st.lists(st.dictionaries(st.text(max_size=3), _VALUES, max_size=3), min_size=1, max_size=25))
def test_a_snapshot_has_a_line_for_a_line(inputs: list[dict[str, Any]]) -> None:
    """Whatever the values, a task has as many lines below it as it has instances, or three."""
    lines = write_snapshot(expand(*inputs)).split("\n")

    assert (len(inputs) if len(inputs) <= 20 else 3) == sum(line.startswith("  ") for line in lines)
    assert not {unicodedata.category(c) for line in lines for c in line} & {
        "Cc",
        "Cf",
        "Cs",
        "Co",
        "Zl",
        "Zp",
    }


def test_what_was_given_stands_in_the_head() -> None:
    """A digest of every section that says something; secrets count as one and the same."""
    known = digest_given({"given": {"load": [1]}, "states": {}, "variables": {"api_key": "one"}})
    head = write_snapshot(Expansion("sales", (), given=known)).splitlines()

    assert f"given: {known}" == head[3]
    assert known == digest_given({"given": {"load": [1]}, "variables": {"api_key": "two"}})
    assert known != digest_given({"given": {"load": [2]}, "variables": {"api_key": "one"}})
    assert "" == digest_given({"given": None, "states": {}})


def test_a_digest_is_the_same_in_every_process() -> None:
    """Functions count by their names, ends by what they are."""

    def answer(inputs: object) -> int:
        return 1

    known = {"load": answer, ("load", "key"): {2, 1}, "check": Skipped, "report": Failed("why")}

    code = "from pytest_dynadag.render.snapshot import digest_given\nfrom pytest_dynadag import Failed, Skipped\n"
    code += "def answer(inputs):\n    return 1\n"
    code += "print(digest_given({'given': {'load': answer, 'check': Skipped, 'report': Failed('why')}}))"
    told = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for _ in "12"
    }

    assert 1 == len(told)
    assert digest_given({"given": known}) == digest_given({"given": dict(reversed(known.items()))})


def test_equal_expansions_may_have_been_given_otherwise() -> None:
    """The digest is in the snapshot, and no part of what makes two expansions equal; it comes back from JSON."""
    one, other = Expansion("sales", (), given="1"), Expansion("sales", (), given="2")

    assert one == other
    assert "1" == Expansion.from_dict(one.to_dict()).given
