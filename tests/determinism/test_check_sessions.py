"""The check in a session of pytest: items, options, what is accepted, and the fixture."""

from __future__ import annotations

from collections.abc import Callable

import lean
import pytest
from projects import run_in, write_into

pytestmark = pytest.mark.timeout(900)  # whole folders are parsed, on machines that do other things too

Run = Callable[..., pytest.RunResult]
WAYS = {"alone": ("-p", "no:xdist"), "n2": ("-n", "2")}

FEW = ("-o", "dynadag_seeds=2")
"""Two generations: enough where the number is not what is tested."""

HEADER = (
    "from datetime import datetime, timezone\nfrom airflow import DAG\nfrom airflow.decorators import task\n"
)
CLEAN = (
    HEADER
    + """
with DAG("clean", schedule=None, start_date=datetime(2024, 1, 1)):
    task(task_id="load")(lambda region: region).expand(region=["eu", "us"])
"""
)
SET = (
    HEADER
    + """
with DAG("shuffled", schedule=None, start_date=datetime(2024, 1, 1)):
    task(task_id="load")(lambda region: region).expand(region=list({"eu", "us"}))
"""
)
CLOCK = (
    HEADER
    + """
with DAG("dated", schedule=None, start_date=datetime(2024, 1, 1), params={"now": str(datetime.now(timezone.utc))}):
    task(task_id="load")(lambda region: region).expand(region=["eu", "us"])
"""
)
SLOW = "import threading\nthreading.Event().wait(1.2)\n"
SHOWN = CLOCK.replace('"dated"', '"shown"')
STAGE = (
    HEADER
    + """
import os
with DAG("staged", schedule=None, start_date=datetime(2024, 1, 1)):
    task(task_id=f"load_{os.environ.get('STAGE', 'none')}")(lambda: 1)()
"""
)
SETTINGS = """\
[pytest]
pythonpath = .
dynadag_allow =
    DYN103:show* = shown to people only
dynadag_own_circumstances =
    deployment_stage = stages:stage
    gone = nowhere:gone
    stage = stages:broken
"""
STAGES = """\
import contextlib
import os

@contextlib.contextmanager
def stage(number):
    os.environ["STAGE"] = f"stage{number}"
    yield
    del os.environ["STAGE"]

def broken(number):
    raise ValueError(f"no stage {number}")
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run pytest in a process of its own, in the folder of the test."""
    for name in ("AIRFLOW_HOME", "AIRFLOW__CORE__DAGS_FOLDER", "PYTEST_XDIST_WORKER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("PYTEST_ADDOPTS", lean.ADDOPTS)
    return lambda *arguments: pytester.runpytest_subprocess(*arguments, timeout=200)


def _write(pytester: pytest.Pytester, **files: str) -> None:
    (pytester.path / "dags").mkdir(exist_ok=True)
    for name, text in files.items():
        (pytester.path / "dags" / f"{name}.py").write_text(text, encoding="utf-8")


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_only_what_is_selected_is_checked(pytester: pytest.Pytester, run: Run, way: tuple[str, ...]) -> None:
    """With `-k`, or in a shard, the files of other DAGs are loaded once, to be collected, and never again."""
    note = f"open({str(pytester.path / 'parses')!r}, 'a').write('x')\n"
    _write(pytester, clean=CLEAN + note, shuffled=SET)

    result = run("--dynadag", "-k", "shuffled and deterministic", *FEW, *way)

    result.assert_outcomes(failed=1)
    assert "x" == (pytester.path / "parses").read_text()


def test_a_test_may_ask_about_a_file_that_is_not_selected(pytester: pytest.Pytester, run: Run) -> None:
    """The fixture checks by itself what the session's verdict leaves out."""
    _write(pytester, clean=CLEAN, shuffled=SET)
    pytester.makepyfile(
        test_it="""
        def test_it(dynadag):
            assert not dynadag.check_determinism("dags/shuffled.py").ok
            assert dynadag.check_determinism("dags/clean.py").ok
        """
    )

    result = run("--dynadag", "dags", "test_it.py", "-k", "test_it or (clean and deterministic)", *FEW)

    result.assert_outcomes(passed=2)


@pytest.fixture(scope="module", params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    """Name each way to run the session that tests look at together."""
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def checked(way: str, tmp_path_factory: pytest.TempPathFactory) -> pytest.RunResult:
    """Check a clean DAG that is slow and some that depend on something; one is accepted, two circumstances fail."""
    folder = tmp_path_factory.mktemp("checked")
    dags = {"clean": SLOW + CLEAN, "dated": CLOCK, "shown": SHOWN, "shuffled": SET, "staged": STAGE}
    write_into(folder, {f"dags/{name}.py": text for name, text in dags.items()})
    write_into(folder, {"pytest.ini": SETTINGS, "stages.py": STAGES})
    return run_in(folder, "--dynadag", "-k", "deterministic", *FEW, *WAYS[way])


def test_each_dag_is_checked(checked: pytest.RunResult) -> None:
    """One item per DAG says whether it is deterministic, with one process as with several."""
    checked.assert_outcomes(passed=2, failed=3)
    checked.stdout.fnmatch_lines(
        [
            "dags/shuffled.py:6: DYN102 DAG 'shuffled' depends on the hash seed",
            "  load?0? gets '*' under hash seed 0 and '*' under one that turns the set round; only the order differs",
        ]
    )


def test_progress_is_shown_while_it_takes_long(checked: pytest.RunResult, way: str) -> None:
    """Within the first generation already it is said how far it is, though pytest captures what tests print."""
    shown = checked.stdout if way == "alone" else checked.stderr
    shown.fnmatch_lines(["dynadag: checking determinism: [1-9] of 10 parses"])


def test_a_finding_is_accepted_with_a_reason(checked: pytest.RunResult) -> None:
    """What the ini accepts does not fail, and is shown with its reason."""
    checked.stdout.no_fnmatch_line("FAILED dags/shown.py*")
    checked.stdout.fnmatch_lines(["accepted: DYN103 *dags/shown.py:5: shown to people only"])


def test_a_circumstance_of_ones_own(checked: pytest.RunResult) -> None:
    """A function that the ini names is a circumstance like the others."""
    checked.stdout.fnmatch_lines(["FAILED dags/staged.py::staged::deterministic *"])
    checked.stdout.fnmatch_lines(
        ["*DYN106 DAG 'staged' depends on deployment_stage", "  task 'load_stage?' is there only *"]
    )


def test_a_circumstance_that_fails_is_said_not_to_be_checked(checked: pytest.RunResult) -> None:
    """A function that cannot be imported, or raises, takes nothing else with it, and is named with the reason."""
    checked.stdout.fnmatch_lines(
        [
            "*DYN103 DAG 'dated' depends on the clock",
            "not checked: gone (a circumstance of your own): ModuleNotFoundError: No module named 'nowhere'",
            "not checked: stage (a circumstance of your own): ValueError: no stage ?",
        ]
    )


def test_nothing_is_checked_where_no_item_asks(pytester: pytest.Pytester, run: Run) -> None:
    """Deselecting the items saves the generations: the file is parsed once."""
    _write(pytester, shuffled=f"open({str(pytester.path / 'parses')!r}, 'a').write('x')\n{SET}")
    result = run("--dynadag", "-k", "imports")
    result.assert_outcomes(passed=1, deselected=2)
    assert "x" == (pytester.path / "parses").read_text()


def test_a_circumstance_is_switched_off_and_said_so(pytester: pytest.Pytester, run: Run) -> None:
    """What is not varied is no reason to fail, and is reported as not checked."""
    _write(pytester, dated=CLOCK)
    result = run("--dynadag", "-k", "deterministic", "--dynadag-circumstances=-clock", *FEW)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["not checked: the clock: switched off"])


@pytest.mark.parametrize(
    ("ini", "message"),
    [
        ("dynadag_allow = DYN102:sales", "*'DYN102:sales': it has no reason"),
        ("dynadag_allow = DYN999 = why", "*there is no rule 'DYN999'; did you mean*"),
        ("dynadag_circumstances = clok", "*there is no circumstance 'clok'; did you mean 'clock'?*"),
        ("dynadag_seeds = 1", "*ini dynadag_seeds: a number of generations from 2 on is needed, not '1'*"),
        ("dynadag_own_circumstances = mine", "*is written `name = module:function`, not 'mine'*"),
    ],
)
def test_what_cannot_be_meant_is_refused(pytester: pytest.Pytester, run: Run, ini: str, message: str) -> None:
    """A slip in the ini ends the session before anything is loaded, and names what there is."""
    _write(pytester, clean=CLEAN)
    pytester.makeini(f"[pytest]\n{ini}\n")
    result = run("--dynadag")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])


def test_the_fixture_gives_the_verdict(pytester: pytest.Pytester, run: Run) -> None:
    """A test asks about a path or a dag_id, with circumstances of its choice, or about an expansion alone."""
    _write(pytester, shuffled=SET, dated=CLOCK)
    pytester.makepyfile(
        """
        import pytest

        def test_verdict(dynadag):
            found = dynadag.check_determinism("shuffled")
            (entry,) = found.divergences
            assert not found.ok
            assert ("DYN102", "shuffled", "hash_seed") == (entry.rule, entry.dag_id, entry.circumstance)
            assert "/dags/shuffled/tasks/load/mapping/region/0" == entry.pointer
            assert {"eu", "us"} == {entry.baseline, entry.changed}
            assert 6 == entry.location.line

        def test_circumstances(dynadag):
            dynadag.assert_deterministic("dags/shuffled.py", circumstances=["clock", "randomness"], seeds=2)

        def test_expansion(dynadag):
            with pytest.raises(AssertionError, match="DYN103 DAG 'dated' depends on the clock") as caught:
                dynadag.assert_deterministic("dated")
            assert not caught.value.determinism.ok
            dynadag.assert_deterministic("dated", given={})
            assert not dynadag.check_determinism("shuffled", given={}).ok
        """
    )
    run("-p", "no:xdist", *FEW, "test_the_fixture_gives_the_verdict.py").assert_outcomes(passed=3)


def test_runs_in_several_orders_are_compared(pytester: pytest.Pytester, run: Run) -> None:
    """With `runs` the DAG is really run, and what depends on who finishes first is named with its rule and its task."""
    _write(
        pytester,
        early=HEADER
        + """
with DAG("early", schedule=None, start_date=datetime(2024, 1, 1)):
    loaded = task(task_id="load")(lambda number: number).expand(number=[1, 2])
    task(task_id="collect", trigger_rule="one_success")(lambda numbers: list(numbers))(loaded)
""",
    )
    pytester.makepyfile(
        """
        def test_early(dynadag):
            found = dynadag.check_determinism("early", circumstances=["clock"], seeds=2, runs=3)
            (entry,) = found.divergences
            said = str(entry.finding)
            print(said[said.index("DYN110"):])
            assert not found.ok
        """
    )
    result = run("-p", "no:xdist", "-rP", "test_runs_in_several_orders_are_compared.py")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "DYN110 DAG 'early' does something else when its instances finish in another order: task 'collect' has *",
            "  output of 'collect' is [[]1, 2[]] when a whole wave finishes first and * when rules are looked at *",
            "  at /runs/early/collect/output",
            "  next: a rule that is met before all upstream instances have finished (one_success, *",
        ]
    )


REFUSED = (
    HEADER
    + """
with DAG("refused", schedule=None, start_date=datetime(2024, 1, 1)):
    task(task_id="load")(lambda region: region).expand(region={"eu", "us"})
"""
)
RAISES = (
    HEADER
    + "\nraise ValueError(f'{({1}, frozenset({2}), set())} {type(set())} {type(frozenset())}')  # no dag\n"
)
ASKS = """\
def test_it(dynadag):
    found = dynadag.check_determinism("dags")
    assert ["clean.py", "raises.py", "refused.py"] == [file.path.rpartition("/")[2] for file in found.files]
    assert found.ok, found
"""


def test_a_file_that_does_not_load_is_no_divergence(pytester: pytest.Pytester, run: Run) -> None:
    """It fails in the same words at every parse, also where these tell of a set that is turned in another one."""
    _write(pytester, clean=CLEAN, refused=REFUSED, raises=RAISES)
    pytester.makepyfile(test_it=ASKS)

    run("test_it.py").assert_outcomes(passed=1)
