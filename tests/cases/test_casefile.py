"""Case files: what they say, what they may not say, and which DAG they are about."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_dynadag.cases.casefile import (
    RUN_STATES,
    TASK_STATES,
    Case,
    CaseFile,
    Expectation,
    find_dag_file,
    is_casefile,
    read_casefile,
    resolve_dag,
)
from pytest_dynadag.cases.document import CaseFileError
from pytest_dynadag.location import Location

NAME = "sales.dynadag.yaml"
EXAMPLES = Path(__file__).parents[2] / "example_dags"


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let messages show file names as they look from the folder of the file."""
    monkeypatch.chdir(tmp_path)


def read(text: str, name: str = NAME) -> CaseFile:
    """Write *text* to a case file and read it."""
    Path(name).write_text(text, encoding="utf-8")
    return read_casefile(Path(name))


def refusal(text: str) -> str:
    """Give the message with which a case file is refused, or else its cases."""
    try:
        cases = read(text).cases
    except CaseFileError as error:
        return str(error)
    return str(CaseFileError(Path(NAME), [problem for case in cases for problem in case.problems]))


def test_what_is_wrong_in_one_case_stays_there() -> None:
    """The other cases are read as ever; the wrong one keeps its name and line, and all that is wrong in it."""
    casefile = read("cases:\n  wrong: {gven: {}, run: perhaps}\n  right: {expect: {load: 2}}\n")
    wrong, right = casefile.cases

    assert ("wrong", line(2), 2) == (wrong.name, wrong.location, len(wrong.problems))
    assert ("right", ()) == (right.name, right.problems)


def line(number: int) -> Location:
    """Give a line of the case file."""
    return Location(NAME, number)


def test_every_key_of_a_case_is_read() -> None:
    """What is written is what the case holds, with its lines; days stay text, and the environment is text."""
    text = """
dag: sales
cases:
  everything:
    given: {list_regions: [eu, 2024-05-01], "load[1]": null}
    states: {check: skipped}
    params: {day: 2024-05-01}
    conf: {at: 2024-05-01T06:00:00Z}
    variables: {cities: [oslo], day: 2024-05-01}
    connections: {db: {conn_type: sqlite}}
    env: {DEBUG: 1, ON: yes, GONE: }
    at: 2024-05-01T06:00:00Z
    run: true
    expect:
      load: 2
      load[0]: {region: eu}
      report: skipped
      state: success
"""

    [case] = read(text).cases

    expected = Case(
        "everything",
        line(4),
        given={"list_regions": ["eu", "2024-05-01"], "load[1]": None},
        states={"check": "skipped"},
        params={"day": "2024-05-01"},
        conf={"at": "2024-05-01T06:00:00Z"},
        variables={"cities": ["oslo"], "day": "2024-05-01"},
        connections={"db": {"conn_type": "sqlite"}},
        env={"DEBUG": "1", "ON": "yes", "GONE": None},
        at="2024-05-01T06:00:00Z",
        run=True,
        expect=(
            Expectation("load", 2, line(15)),
            Expectation("load[0]", {"region": "eu"}, line(16)),
            Expectation("report", "skipped", line(17)),
            Expectation("state", "success", line(18)),
        ),
    )
    assert expected == case
    assert line(5) == case.locate("given", "load[1]")
    assert line(4) == case.locate("given", "nobody")


def test_what_is_left_out_is_empty() -> None:
    """A case may give and expect nothing; leaving `expect` out is told from expecting something."""
    casefile = read("cases:\n  shape only: {given: {a: 1}}\n  nothing:\n")

    assert CaseFile(Path(NAME), None, casefile.cases) == casefile
    assert (Case("shape only", line(2), {"a": 1}), Case("nothing", line(3))) == casefile.cases


def test_a_case_may_take_over_from_another() -> None:
    """YAML's `<<` works between cases, so that a run and a plan share what is given."""
    [plan, run] = read("cases:\n  plan: &it\n    given: {a: [1]}\n  run: {<<: *it, run: true}\n").cases

    assert plan.given == run.given
    assert (False, True) == (plan.run, run.run)


def test_a_task_may_be_called_state() -> None:
    """A number under `state` is about a task of that name, the name of a state about the run."""
    [plan, run] = read(
        "cases:\n  plan: {expect: {state: 1}}\n  run: {run: true, expect: {state: success}}\n"
    ).cases

    assert plan.expect is not None
    assert run.expect is not None
    assert [False, True] == [plan.expect[0].of_run, run.expect[0].of_run]


def test_the_repr_shows_counts() -> None:
    """A case file prints one short line."""
    casefile = read("dag: sales\ncases: {a: {run: true}, b: }\n")

    assert "<CaseFile sales.dynadag.yaml for 'sales': 2 cases, 1 of them run>" == repr(casefile)


MANY = """\
dags: sales
cases:
  one:
    givn: {a: 1}
    run: maybe
    at: noon
    given: [a]
    states: {a: skiped, b: 1, "c[x]": failed, "[0]": failed}
    env: {A: [1]}
  two: [1]
  '': {}
dag: {a: 1}
"""


def test_all_problems_of_a_file_are_listed_at_once() -> None:
    """Unknown keys get the nearest names, wrong types what is needed, in the order of the lines."""
    expected = """\
sales.dynadag.yaml: 13 problems
  sales.dynadag.yaml:1: there is no key 'dags'; did you mean 'dag'?
  sales.dynadag.yaml:4: case 'one': there is no key 'givn'; did you mean 'given'?
  sales.dynadag.yaml:5: case 'one': run takes true or false, not 'maybe'
  sales.dynadag.yaml:6: case 'one': at takes a day or a moment such as 2024-05-01T06:00:00Z, not 'noon'
  sales.dynadag.yaml:7: case 'one': given takes a mapping of outputs by task, not a list
  sales.dynadag.yaml:8: case 'one': states['a']: there is no state 'skiped' here; did you mean 'skipped' or 'failed'?
  sales.dynadag.yaml:8: case 'one': states['b']: a state is needed ('failed', 'skipped', 'success'), not 1
  sales.dynadag.yaml:8: case 'one': states['c[x]']: this is no key of an instance; write 'c[0]', counted from 0
  sales.dynadag.yaml:8: case 'one': states['[0]']: this is no key of an instance; write 'task[0]', counted from 0
  sales.dynadag.yaml:9: case 'one': env['A']: an environment variable holds a text, not a list
  sales.dynadag.yaml:10: case 'two': a case takes a mapping with 'given', 'states', 'params', 'conf', 'variables', \
'connections', 'env', 'at', 'run', 'expect', not a list
  sales.dynadag.yaml:11: a case needs a name
  sales.dynadag.yaml:12: dag takes the id of one DAG, not a mapping"""

    assert expected == refusal(MANY)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("load: -1", "expect['load']: a task has 0 or more instances, not -1"),
        ("load: 1.5", "expect['load']: a task takes a number of instances or a state, not 1.5"),
        ("load: true", "expect['load']: a task takes a number of instances or a state, not true"),
        ("load: [1]", "expect['load']: a task takes a number of instances or a state, not a list"),
        ("load:", "expect['load']: a task takes a number of instances or a state, not nothing"),
        ("load: succes", "expect['load']: there is no state 'succes' here; did you mean 'success'?"),
        (
            "load: two",
            (
                "expect['load']: there is no state 'two' here; the usual ones are 'success', 'failed', 'skipped', "
                "'upstream_failed'; a number says how many instances there are"
            ),
        ),
        (
            "load: {region: eu}",
            (
                "expect['load']: inputs are those of one instance\n"
                "  next: write 'load[0]', or a number to say how many instances there are"
            ),
        ),
        (
            "load[-1]: skipped",
            "expect['load[-1]']: this is no key of an instance; write 'load[0]', counted from 0",
        ),
        ("load[0]: 3", "expect['load[0]']: an instance takes its inputs by name, or a state, not 3"),
        (
            "load[0]: skiped",
            "expect['load[0]']: there is no state 'skiped' here; did you mean 'skipped' or 'failed'?",
        ),
        (
            "load[0]: {}",
            "expect['load[0]']: no input is named; write what the instance gets, or its state",
        ),
        (
            "state: success",
            (
                "expect['state']: only a run has a state, and the case is only planned\n"
                "  next: add run: true, or expect the states of tasks"
            ),
        ),
    ],
)
def test_an_expectation_that_cannot_be_meant_is_refused(written: str, message: str) -> None:
    """Whatever the DAG is, such an expectation is a slip, and its line says what may stand there."""
    assert f"sales.dynadag.yaml:4: case 'one': {message}" == refusal(
        f"cases:\n  one:\n    expect:\n      {written}\n"
    )


def test_a_run_has_states_of_its_own() -> None:
    """A run is never skipped; the states that it may end in are named."""
    expected = (
        "sales.dynadag.yaml:1: case 'one': expect['state']: there is no state 'skipped' here; "
        "known: 'failed', 'queued', 'running', 'success'"
    )

    assert expected == refusal("cases: {one: {run: true, expect: {state: skipped}}}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "sales.dynadag.yaml:1: the file is empty\n  next: {}"),
        ("- a", "sales.dynadag.yaml:1: the file holds a list, not a mapping\n  next: {}"),
        ("dag: sales", "sales.dynadag.yaml:1: there are no cases\n  next: {}"),
        ("dag: sales\ncases:", "sales.dynadag.yaml:2: there are no cases\n  next: {}"),
        ("cases: [a]", "sales.dynadag.yaml:1: cases takes a mapping, not a list\n  next: {}"),
    ],
)
def test_a_file_without_cases_says_how_to_begin(text: str, message: str) -> None:
    """Each way of not having cases leads to the same next step."""
    assert message.format("write cases: and, below it, a name for each case") == refusal(text)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (
            "at: 2024-05-01",
            (
                "at freezes the clock of a run, but the case is only planned\n"
                "  next: add run: true, or leave at out"
            ),
        ),
        ("expect:", "expect is empty\n  next: write what you expect, such as load: 2, or leave expect out"),
        (
            "expect: [a]",
            (
                "expect takes a mapping by task, not a list\n"
                "  next: write what you expect, such as load: 2, or leave expect out"
            ),
        ),
    ],
)
def test_what_would_be_ignored_is_refused(written: str, message: str) -> None:
    """Nothing that a case says goes without effect."""
    assert f"sales.dynadag.yaml:3: case 'one': {message}" == refusal(f"cases:\n  one:\n    {written}\n")


def test_the_states_are_airflows(tmp_path: Path) -> None:
    """The names that may be expected are those that some supported Airflow has, and all of this one's."""
    if importlib.util.find_spec("airflow") is None:
        pytest.skip("compares with Airflow's own states, and Airflow is not installed")
    program = "from airflow.utils.state import *; print(*TaskInstanceState, '|', *DagRunState)"
    environment = {**os.environ, "AIRFLOW_HOME": str(tmp_path / "home"), "PYTHONWARNINGS": "ignore"}

    said = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    ).stdout.splitlines()[-1]

    of_tasks, of_runs = said.split("|")
    retired = {"shutdown"}  # 2.x keeps the name, but no instance ends so
    assert set(of_tasks.split()) - retired <= TASK_STATES
    assert RUN_STATES == set(of_runs.split())


# -- which DAG ----------------------------------------------------------------------------------------------


def test_a_case_file_is_known_by_its_name() -> None:
    """Other YAML files beside a DAG are left alone."""
    names = ("sales.dynadag.yaml", "sales.yaml", ".dynadag.yaml", "sales.dynadag.yaml.bak")

    assert [True, False, False, False] == [is_casefile(Path(name)) for name in names]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sales.dynadag.yaml", "sales.py"),
        ("sales.eu.north.dynadag.yaml", "sales.py"),
        ("sales.eu.dynadag.yaml", "sales.py"),
        ("sale.dynadag.yaml", None),
    ],
)
def test_the_dag_file_stands_beside(name: str, expected: str | None) -> None:
    """What follows the name of the DAG file is left off until there is such a file."""
    Path("sales.py").touch()

    assert (Path(expected) if expected else None) == find_dag_file(Path(name))


def test_the_closest_dag_file_is_taken() -> None:
    """A DAG file may itself have a dot in its name."""
    Path("sales.py").touch()
    Path("sales.eu.py").touch()

    assert Path("sales.eu.py") == find_dag_file(Path("sales.eu.dynadag.yaml"))


def test_the_only_dag_beside_is_meant(tmp_path: Path) -> None:
    """`dag:` may be left out where the file beside has one DAG; DAGs of other files do not count."""
    Path("sales.py").touch()
    candidates: dict[str, Path | str] = {
        "sales": tmp_path / "sales.py",
        "other": "other.py",
        "third": "sub/sales.py",
    }

    assert "sales" == resolve_dag(read("cases: {a: }"), candidates)


def test_a_named_dag_may_stand_anywhere() -> None:
    """Case files may be kept apart from DAG files if they name their DAG."""
    assert "other" == resolve_dag(read("dag: other\ncases: {a: }"), {"other": "far/other.py"})


UNCLEAR = "sales.dynadag.yaml:1: it is not clear which DAG is meant: "


def unresolved(text: str, **candidates: str) -> str:
    """Give the message that no DAG is found with."""
    with pytest.raises(CaseFileError) as refused:
        resolve_dag(read(text), candidates)
    return str(refused.value)


def test_no_dag_file_and_no_name() -> None:
    """Without a DAG file beside it, a case file has to name its DAG."""
    expected = (
        f"{UNCLEAR}there is no sales.py beside the file, and it names no DAG\n"
        "  next: write dag: and the id of one"
    )

    assert expected == unresolved("cases: {a: }", other="other.py")


def test_two_dags_and_no_name() -> None:
    """Of several DAGs in the file beside it, a case file has to name one; they are listed."""
    Path("sales.py").touch()

    message = unresolved("cases: {a: }", tenant_b="sales.py", tenant_a="sales.py")

    expected = (
        f"{UNCLEAR}sales.py beside the file has 2 DAGs: 'tenant_a', 'tenant_b'\n"
        "  next: write dag: tenant_a, and put the cases of another DAG into a file such as "
        "sales.tenant_b.dynadag.yaml"
    )
    assert expected == message


def test_a_file_without_dags_and_no_name() -> None:
    """A DAG file that gives no DAG, perhaps because it fails, is named."""
    Path("sales.py").touch()

    expected = (
        f"{UNCLEAR}sales.py beside the file has no DAG\n"
        "  next: see whether sales.py can be imported, or write dag: and the id of a DAG of another file"
    )
    assert expected == unresolved("cases: {a: }", other="other.py")


def test_an_unknown_dag() -> None:
    """A DAG that is not there is answered with the nearest names, at the line that names it."""
    message = unresolved("# for sales\ndag: slaes\ncases: {a: }", sales="sales.py", other="other.py")

    assert "sales.dynadag.yaml:2: there is no DAG 'slaes'; did you mean 'sales'?" == message


def example_files() -> list[Path]:
    """Give the case files of the example DAGs."""
    return sorted(EXAMPLES.glob("*.dynadag.yaml"))


@pytest.mark.parametrize("path", example_files(), ids=lambda path: path.name)
def test_the_examples_are_read(path: Path) -> None:
    """Every example has cases, stands beside its DAG file, and runs at least one case for real."""
    casefile = read_casefile(path)

    assert find_dag_file(path) is not None
    assert any(case.run for case in casefile.cases)
    assert not any(case.expect is None for case in casefile.cases)


def test_there_are_examples() -> None:
    """The table above is not empty."""
    assert 15 <= len(example_files())
