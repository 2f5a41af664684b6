"""Verdicts: what holds, what does not, and how a case that does not hold says so."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from pytest_dynadag.allowances import read_allowances
from pytest_dynadag.cases.casefile import Case, read_casefile
from pytest_dynadag.cases.document import CaseFileError
from pytest_dynadag.cases.verdict import CaseFailure, agree, check_case, judge
from pytest_dynadag.errors import MissingGivenError
from pytest_dynadag.findings import Finding
from pytest_dynadag.graph.expansion import UNKNOWN, Expansion
from pytest_dynadag.graph.given import Given
from pytest_dynadag.graph.planner import plan
from pytest_dynadag.graph.sources import Argument, Literal, Output, Product
from pytest_dynadag.graph.structure import Group, Structure, Task
from pytest_dynadag.location import Location

SALES = Structure(
    "sales",
    (
        Task(task_id="list_regions"),
        Task(
            task_id="load",
            upstream=("list_regions",),
            mapping=Product((("region", Output("list_regions")),)),
            location=Location("sales.py", 7),
        ),
        Task(task_id="report", upstream=("load",)),
    ),
)


@dataclass(frozen=True)
class FakeRun:
    """A run as an engine would tell it."""

    expansion: Expansion
    state: str = "success"
    states: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


class FakeDynadag:
    """Plans `SALES`, answers runs with *answer*, and remembers what it was asked for."""

    def __init__(self, answer: FakeRun | None = None) -> None:
        self.answer = answer
        self.asked: dict[str, Any] = {}

    def plan(self, dag: str, **asked: Any) -> Expansion:
        """Plan `SALES`, whichever DAG is named."""
        self.asked = {"dag": dag, **asked}
        return plan(SALES, Given.of(asked.get("given"), asked.get("states")))

    def run(self, dag: str, **asked: Any) -> FakeRun:
        """Give the answer."""
        self.asked = {"dag": dag, **asked}
        assert self.answer is not None
        return self.answer


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let messages show file names as they look from the folder of the file."""
    monkeypatch.chdir(tmp_path)


def case_of(text: str) -> Case:
    """Read one case, written as it stands below its name in line 2 of a file."""
    path = Path("sales.dynadag.yaml")
    body = "".join(f"    {line}\n" for line in text.splitlines())
    path.write_text(f"cases:\n  one:\n{body}", encoding="utf-8")
    return read_casefile(path).cases[0]


def sales(regions: Any, **states: str) -> Expansion:
    """Plan the DAG for the *regions* that its first task returns."""
    return plan(SALES, Given.of({"list_regions": regions}, states))


def verdict(text: str, expansion: Expansion, run: FakeRun | None = None) -> list[str]:
    """Give the messages of what does not hold of one case."""
    return [problem.message for problem in judge(case_of(text), expansion, run)]


@pytest.mark.parametrize(
    "expected",
    [
        "load: 2",
        "load: success",
        "load[0]: {region: eu}",
        "load[1]: success",
        "list_regions: 1",
        "report: success",
    ],
)
def test_an_expectation_that_holds_is_silent(expected: str) -> None:
    """Counts, states and inputs of tasks and instances are compared with the expansion."""
    assert [] == verdict(f"expect:\n  {expected}", sales(["eu", "us"]))


@pytest.mark.parametrize("expected", ["{load: 0, report: skipped}", "{load: skipped, report: 1}"])
def test_a_task_that_is_never_expanded_has_a_state(expected: str) -> None:
    """Mapped over nothing, a task has no instance and is skipped: either may be written."""
    assert [] == verdict(f"expect: {expected}", sales([]))


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ("load: 3", "load: expected 3 instances, got 2"),
        ("load: 1", "load: expected 1 instance, got 2"),
        (
            "load: skipped",
            "load: expected every instance to be skipped, got 2 success; the first other one is load[0]",
        ),
        ("report: skipped", "report: expected skipped, got success"),
        ("load[1]: failed", "load[1]: expected failed, got success"),
        ("load[0]: {region: us}", "load[0]: expected region to be 'us', got 'eu'"),
        ("load[0]: {regon: eu}", "load[0]: the instance has no input 'regon'; did you mean 'region'?"),
        (
            "load[1]: {region: eu, day: 1}",
            (
                "load[1]: expected region to be 'eu', got 'us'\n"
                "  the instance has no input 'day'; known: 'region'"
            ),
        ),
        ("load[2]: {region: eu}", "load[2]: there is no such instance: load has 2, load[0] to load[1]"),
        ("report[0]: success", "report[0]: report is not mapped, so it has no index\n  next: write 'report'"),
        ("lod: 2", "lod: there is no task 'lod' in DAG 'sales'; did you mean 'load'?"),
        ("lod[0]: success", "lod[0]: there is no task 'lod' in DAG 'sales'; did you mean 'load'?"),
    ],
)
def test_an_expectation_that_does_not_hold_is_explained(expected: str, message: str) -> None:
    """What was expected, what it is, and the nearest names for what does not exist."""
    assert [message] == verdict(f"expect:\n  {expected}", sales(["eu", "us"]))


def test_a_count_of_nothing_says_why() -> None:
    """Where a task is not expanded, the plan's reason is shown."""
    assert [
        "load: expected 2 instances, got 0 (mapped over nothing)",
        "load[0]: there is no such instance: load has none (mapped over nothing)",
        "load: expected success, got skipped (mapped over nothing)",
    ] == [
        *verdict('expect: {load: 2, "load[0]": success}', sales([])),
        *verdict("expect: {load: success}", sales([])),
    ]


def test_an_index_beyond_the_only_instance() -> None:
    """One instance is named, not a range."""
    expected = "load[1]: there is no such instance: load has 1, load[0]"

    assert [expected] == verdict("expect:\n  load[1]: success", sales(["eu"]))


def test_an_unknown_length_is_no_number() -> None:
    """What is not known from the given is said to be so."""
    why = "an upstream output that decides the length is not known"

    assert [
        f"load: expected 2 instances, got an unknown number ({why})",
        f"load[0]: there is no such instance: how many load has is not known from the given ({why})",
    ] == verdict('expect: {load: 2, "load[0]": success}', plan(SALES, strict=False))


def test_instances_that_end_differently_are_counted() -> None:
    """A state expected of a task is expected of all its instances."""
    expansion = plan(SALES, Given.of({"list_regions": ["eu", "us", "apac"]}, {"load[1]": "skipped"}))

    expected = "load: expected every instance to be success, got 2 success, 1 skipped; the first other one is load[1]"
    assert [expected] == verdict("expect: {load: success}", expansion)


def test_problems_stand_at_the_line_of_their_expectation() -> None:
    """Each mismatch can be opened in an editor."""
    case = case_of("expect:\n  load: 3\n  report: 1\n  lod: 1")

    problems = judge(case, sales(["eu"]))

    assert [4, 6] == [problem.location.line for problem in problems]


def test_group_arguments_are_inputs_of_every_task_of_the_group() -> None:
    """Plain tasks of a mapped group have an index and the group's argument."""
    group = Group("each", mapping=Product((("path", Literal(["a", "b"])),)))
    tasks = (
        Task(task_id="each.extract", group_id="each", arguments={"path": Argument("each", "path")}),
        Task(task_id="each.load", group_id="each", upstream=("each.extract",)),
    )

    expansion = plan(Structure("grouped", tasks, (group,)))

    assert [] == verdict('expect: {each.load: 2, "each.load[1]": {path: b}}', expansion)


def test_inputs_that_are_not_known_say_what_to_give() -> None:
    """A value that only another output decides is no mismatch but a gap in the given."""
    chained = Task(task_id="publish", upstream=("load",), mapping=Product((("loaded", Output("load")),)))
    expansion = plan(
        Structure("sales", (*SALES.tasks, chained)), Given.of({"list_regions": ["eu"]}), strict=False
    )

    assert [
        (
            "publish[0]: loaded is not known from the given\n"
            "  next: give the outputs of load, or execute the case with run: true"
        )
    ] == verdict("expect:\n  publish[0]: {loaded: eu}", _with_unknown(expansion))


def _with_unknown(expansion: Expansion) -> Expansion:
    """Let `publish` have one instance whose input is not known."""
    data = expansion.to_dict()
    publish = next(task for task in data["tasks"] if task["task_id"] == "publish")
    publish.update(count=1, states=["success"], inputs=[{"loaded": [UNKNOWN.to_dict()]}], reason="")
    return Expansion.from_dict(data)


def test_an_instance_without_inputs_tells_its_state() -> None:
    """An instance that was skipped before it got anything has no inputs to compare."""
    data = sales(["eu"]).to_dict()
    data["tasks"][1].update(states=["skipped"], inputs=[])
    expansion = Expansion.from_dict(data)

    expected = "load[0]: the instance has no input 'region', it has none at all; its state is skipped"
    assert [expected] == verdict("expect:\n  load[0]: {region: eu}", expansion)


@pytest.mark.parametrize(
    ("written", "got"),
    [
        ([1, ["a"]], (1, ("a",))),
        ({"a": [1], "b": None}, {"b": None, "a": (1,)}),
        (1, 1.0),
        ("2024-05-01", dt.date(2024, 5, 1)),
        ("2024-05-01T06:00:00Z", dt.datetime(2024, 5, 1, 6, tzinfo=dt.timezone.utc)),
        ("2024-05-01 06:00:00+00:00", dt.datetime(2024, 5, 1, 6, tzinfo=dt.timezone.utc)),
        ("1.50", Decimal("1.50")),
        ("data/a.csv", PurePosixPath("data/a.csv")),
        (True, True),
    ],
)
def test_what_yaml_cannot_write_has_a_stand_in(written: Any, got: Any) -> None:
    """A list stands for a tuple, a text for a date, a path or a decimal."""
    assert agree(written, got)


@pytest.mark.parametrize(
    ("written", "got"),
    [
        (1, True),
        (True, 1),
        ("1", 1),
        ("None", None),
        ([1], [1, 2]),
        ([1, 2], [2, 1]),
        ("[1]", [1]),
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": 1}, [("a", 1)]),
        ("2024-05-02", dt.date(2024, 5, 1)),
    ],
)
def test_what_means_something_else_does_not_agree(written: Any, got: Any) -> None:
    """Truth is no number, a text no number, and order and length of lists matter."""
    assert not agree(written, got)


# -- findings and runs --------------------------------------------------------------------------------------

NOT_MAPPABLE = (
    "sales.py:7: DYN301 list_regions returns an int, but load is mapped over it: Airflow fails list_regions\n"
    "  next: return a list, a tuple or a dict\n"
    "  next: or, if that is meant, expect list_regions: failed"
)


@pytest.mark.parametrize(
    "text", ["given: {list_regions: 5}", "expect: {load: 0}", "expect: {report: upstream_failed}"]
)
def test_an_output_that_cannot_be_mapped_over_fails_the_case(text: str) -> None:
    """Airflow would fail the task, so the plan does not stand, whatever else holds."""
    assert [NOT_MAPPABLE] == verdict(text, sales(5))


def test_a_failure_that_is_expected_is_none() -> None:
    """Who expects the source task to fail has seen it."""
    assert [] == verdict("expect: {list_regions: failed, load: 0}", sales(5))


def test_too_long_an_output_fails_the_case() -> None:
    """`max_map_length` is Airflow's, and its finding begins with the task that fails."""
    [message] = verdict("expect: {load: 0}", sales(list(range(1025))))

    assert message.startswith("sales.py:7: DYN302 list_regions ")
    assert message.endswith("\n  next: or, if that is meant, expect list_regions: failed")


def test_mapping_over_what_never_becomes_ready_fails_the_case() -> None:
    """A finding about the mapped task itself is expected by that task's state."""
    group = Group("each", mapping=Product((("path", Literal(["a"])),)))
    inside = Task(task_id="each.split", group_id="each")
    after = Task(task_id="load", upstream=("each.split",), mapping=Product((("part", Output("each.split")),)))
    expansion = plan(Structure("grouped", (inside, after), (group,)))

    [message] = verdict("expect: {load: 0}", expansion)

    assert message.startswith("DYN303 load ")
    assert message.endswith("\n  next: or, if that is meant, expect load: upstream_failed")
    assert [] == verdict("expect: {load: upstream_failed}", expansion)


def test_a_run_that_succeeds_as_expected() -> None:
    """The state of the run is compared, and states come from the run where it tells them."""
    run = FakeRun(sales(["eu"]), states={"report": "skipped"})

    assert [] == verdict("run: true\nexpect: {state: success, report: skipped}", run.expansion, run)


def test_the_state_of_a_run_is_compared() -> None:
    """A run that ends otherwise is one mismatch, not two."""
    run = FakeRun(sales(["eu"]), state="failed")

    assert ["state: expected success, got failed"] == verdict(
        "run: true\nexpect: {state: success}", run.expansion, run
    )


@pytest.mark.parametrize("text", ["run: true", "run: true\nexpect: {load: 1}"])
def test_a_run_that_fails_unexpectedly_fails_the_case(text: str) -> None:
    """No count can make up for a run that failed."""
    run = FakeRun(sales(["eu"]), state="failed")

    expected = (
        "the run ended failed, and nothing says that it should\n  next: mend the DAG, or expect state: failed"
    )
    assert [expected] == verdict(text, run.expansion, run)


@pytest.mark.parametrize("expected", ["state: failed", "load: failed", "report: upstream_failed"])
def test_a_run_may_be_expected_to_fail(expected: str) -> None:
    """The state of the run or of a task that fails says that the failure is meant."""
    run = FakeRun(sales(["eu"], load="failed"), state="failed")

    assert [] == verdict(f"run: true\nexpect: {{{expected}}}", run.expansion, run)


# -- checking -----------------------------------------------------------------------------------------------


def test_a_case_is_planned_with_what_it_gives() -> None:
    """Only what is given is passed on, so that nothing is parsed anew without need."""
    dynadag = FakeDynadag()

    check_case(case_of("given: {list_regions: [eu]}\nvariables: {a: b}\nexpect: {load: 1}"), dynadag, "sales")

    assert {"dag": "sales", "given": {"list_regions": ["eu"]}, "variables": {"a": "b"}} == dynadag.asked


def test_a_case_is_run_if_it_says_so() -> None:
    """A run gets the moment as well."""
    dynadag = FakeDynadag(FakeRun(sales(["eu"])))

    check_case(case_of("run: true\nat: 2024-05-01\nparams: {n: 1}\nexpect: {load: 1}"), dynadag, "sales")

    assert {"dag": "sales", "params": {"n": 1}, "at": "2024-05-01"} == dynadag.asked


def test_a_case_that_does_not_hold_says_everything() -> None:
    """The message has the case, each mismatch with its line, and what the DAG becomes instead."""
    case = case_of(
        "given: {list_regions: [eu, us]}\nexpect:\n  load: 3\n  report: 1\n  load[0]: {region: us, day: 1}"
    )

    with pytest.raises(CaseFailure) as failed:
        check_case(case, FakeDynadag(), "sales")

    expected = """\
sales.dynadag.yaml:2: case 'one' of DAG 'sales' does not hold
  sales.dynadag.yaml:5: load: expected 3 instances, got 2
  sales.dynadag.yaml:7: load[0]: expected region to be 'us', got 'eu'
    the instance has no input 'day'; known: 'region'
the plan is:
  sales: 3 tasks, 4 instances, 4 edges
  ├── list_regions  1  success
  ├── load          2  success  after list_regions
  │   ├── [0] region='eu'
  │   └── [1] region='us'
  └── report        1  success  after load"""
    assert expected == str(failed.value)
    assert ("sales", 2) == (failed.value.dag_id, len(failed.value.problems))
    assert case is failed.value.case


def test_a_failing_run_shows_its_errors() -> None:
    """What failed stands before what the run became; an error of several lines is indented."""
    run = FakeRun(
        sales(["eu"], load="failed"),
        state="failed",
        errors={"load[0]": "sales.py:9: ValueError: no such region\nhave: none\n"},
    )

    with pytest.raises(CaseFailure) as failed:
        check_case(case_of("run: true\nexpect: {report: success}"), FakeDynadag(run), "sales")

    expected = """\
sales.dynadag.yaml:2: case 'one' of DAG 'sales' does not hold
  sales.dynadag.yaml:4: report: expected success, got upstream_failed
  sales.dynadag.yaml:2: the run ended failed, and nothing says that it should
    next: mend the DAG, or expect state: failed
errors in the run, which ended failed:
  load[0]: sales.py:9: ValueError: no such region
    have: none
the run became:
  sales: 3 tasks, 3 instances, 2 edges
  ├── list_regions  1  success
  ├── load          1  failed           after list_regions
  │   └── [0] region='eu'
  └── report        1  upstream_failed  after load"""
    assert expected == str(failed.value)


def test_a_green_run_with_findings_does_not_hold() -> None:
    """What a task made while it ran is said, though Airflow calls the run a success."""
    made = Finding(
        "DYN201", "sales", Location("sales.py", 9), "task 'load' makes an operator", "write expand"
    )
    run = FakeRun(sales(["eu"]), findings=(made,))

    with pytest.raises(CaseFailure) as failed:
        check_case(case_of("run: true"), FakeDynadag(run), "sales")

    assert str(failed.value).splitlines()[:3] == [
        "sales.dynadag.yaml:2: case 'one' of DAG 'sales' does not hold",
        "  sales.dynadag.yaml:2: sales.py:9: DYN201 task 'load' makes an operator",
        "    next: write expand",
    ]


def test_a_finding_of_a_plan_can_be_accepted() -> None:
    """An allowance of the project keeps a finding from failing a case."""
    wrong = plan(SALES, Given.of({"list_regions": 5}), strict=False)
    case = case_of("given: {list_regions: 5}")

    assert ["DYN301"] == [problem.message.split()[1] for problem in judge(case, wrong)]
    assert () == judge(case, wrong, allowances=read_allowances(["DYN301:sales = sent by mistake"]))


def test_many_errors_are_counted() -> None:
    """A run in which everything fails does not fill the log."""
    errors = {f"load[{index}]": "ValueError: no" for index in range(13)}
    run = FakeRun(sales(list(range(13)), load="failed"), state="failed", errors=errors)

    with pytest.raises(CaseFailure) as failed:
        check_case(case_of("run: true"), FakeDynadag(run), "sales")

    lines = str(failed.value).splitlines()
    assert "  load[9]: ValueError: no" in lines
    assert "  ... 3 more" in lines
    assert "  load[10]: ValueError: no" not in lines


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "given:\n  list_region: [eu]",
            (
                "sales.dynadag.yaml:4: case 'one': given for DAG 'sales': there is no task 'list_region'; "
                "did you mean 'list_regions'?"
            ),
        ),
        (
            "given: {list_regions: [eu]}\nstates:\n  lod[0]: failed",
            (
                "sales.dynadag.yaml:5: case 'one': given for DAG 'sales': there is no task 'lod'; "
                "did you mean 'load'?"
            ),
        ),
        (
            "given:\n  list_regions: [eu]\n  load: done",
            (
                "sales.dynadag.yaml:5: case 'one': given['load'] for DAG 'sales': load is mapped, so its output is "
                "one value per instance, not a str\n  next: give a list with one entry per index"
            ),
        ),
        (
            "given:\n  list_regions: [eu]\n  report[0]: done",
            (
                "sales.dynadag.yaml:5: case 'one': given['report[0]'] for DAG 'sales': report is not mapped, "
                "so it has no index\n  next: write 'report'"
            ),
        ),
        (
            "expect: {load: 2}",
            (
                "sales.dynadag.yaml:2: case 'one': cannot plan 'sales': 1 upstream output is missing from the given\n"
                "  list_regions  needed by load[?] at sales.py:7\n"
                "  next: add given: {list_regions: [...]} to the case, or execute it with run: true"
            ),
        ),
    ],
)
def test_what_is_given_in_vain_stands_at_its_line(text: str, message: str) -> None:
    """What the DAG cannot be given is an error of the case file, in the words of a case file."""
    with pytest.raises(CaseFileError) as refused:
        check_case(case_of(text), FakeDynadag(), "sales")

    assert message == str(refused.value)


def test_the_first_cause_stays_at_hand() -> None:
    """The error of the plan, with its data, is the cause of the case file's."""
    with pytest.raises(CaseFileError) as refused:
        check_case(case_of("expect: {load: 2}"), FakeDynadag(), "sales")

    assert isinstance(refused.value.__cause__, MissingGivenError)
    assert ["list_regions"] == list(refused.value.__cause__.missing)
