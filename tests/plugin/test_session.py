"""Where DAG files are looked for, what is said about it, and what stays away from sessions that do not ask."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest
from rim import SALES, write

import pytest_dynadag
from pytest_dynadag.bridge.home import airflow_version
from pytest_dynadag.plugin.options import ENGINES

Run = Callable[..., pytest.RunResult]


def header_of(result: pytest.RunResult) -> str:
    """Give our line of the header, without the seconds."""
    [line] = [line for line in result.outlines if line.startswith("dynadag: Airflow")]
    before, _, after = line.partition(" in ")
    return f"{before} {after.partition(' s ')[2]}"


LOADED = f"dynadag: Airflow {airflow_version()}, 1 file with 1 DAG"


@pytest.mark.parametrize(
    ("arguments", "ini", "variable", "expected"),
    [
        (["dags"], "", "", "from dags (named on the command line)"),
        (["dags/sales.py::sales::expands"], "", "", "from dags/sales.py (named on the command line)"),
        ([], "", "", "from dags (the default: no ini dynadag_dags)"),
        ([], "", "flows", "from flows (AIRFLOW__CORE__DAGS_FOLDER)"),
        ([], "dynadag_dags = flows", "dags", "from flows (ini dynadag_dags)"),
        (["dags"], "dynadag_dags = flows", "", "from dags (named on the command line)"),
    ],
)
def test_the_header_says_which_folder_and_why(
    project: pytest.Pytester,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    ini: str,
    variable: str,
    expected: str,
) -> None:
    """What is named comes first, then the ini file, then Airflow's variable, then `dags/`."""
    write(project, **{"flows/stock.py": SALES.replace("sales", "stock"), "pytest.ini": f"[pytest]\n{ini}\n"})
    if variable:
        monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(project.path / variable))

    result = run("--dynadag", "--collect-only", *arguments)

    assert f"{LOADED} {expected}" == header_of(result)


def test_the_header_names_what_is_let_through(
    project: pytest.Pytester, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names that the ini file lets through are said, their values are not."""
    write(project, **{"pytest.ini": "[pytest]\ndynadag_env = AIRFLOW_VAR_*\n"})
    monkeypatch.setenv("AIRFLOW_VAR_TOKEN", "hush")
    monkeypatch.setenv("AIRFLOW_CONN_PROD", "http://prod")

    result = run("--dynadag", "--collect-only")

    assert "dynadag: let through the isolation: AIRFLOW_VAR_TOKEN" in result.outlines
    assert "hush" not in result.stdout.str()


def test_an_airflow_imported_before_is_told(project: pytest.Pytester, run: Run) -> None:
    """Where a conftest has imported Airflow, the header says what is not as isolated as it should be."""
    write(project, **{"conftest.py": "import airflow.settings\n"})

    result = run("--dynadag", "dags")

    result.assert_outcomes(passed=4)
    assert "dynadag: Airflow was imported before pytest-dynadag could settle its home" in result.outlines


def test_tests_are_collected_beside_the_default_folder(project: pytest.Pytester, run: Run) -> None:
    """Without paths, the DAG folder comes in addition to testpaths."""
    write(
        project,
        **{"pytest.ini": "[pytest]\ntestpaths = tests\n", "tests/test_it.py": "def test_it(): pass\n"},
    )

    run("--dynadag").assert_outcomes(passed=5)
    run().assert_outcomes(passed=1)


def test_without_a_dag_folder_and_tests_it_is_a_usage_error(pytester: pytest.Pytester, run: Run) -> None:
    """Where nothing could be meant, the message says what was looked for, why, and what to do."""
    result = run("--dynadag")

    assert pytest.ExitCode.USAGE_ERROR == result.ret
    expected = f"""\
ERROR: --dynadag: there is no DAG folder {pytester.path}/dags (the default: no ini dynadag_dags)
  next: name DAG files or folders (pytest --dynadag PATH ...), or set the ini dynadag_dags"""
    assert expected == result.stderr.str().strip()


def test_without_a_dag_folder_tests_still_run(pytester: pytest.Pytester, run: Run) -> None:
    """Where testpaths say what to collect, a missing DAG folder is only told."""
    write(
        pytester,
        **{"pytest.ini": "[pytest]\ntestpaths = tests\n", "tests/test_it.py": "def test_it(): pass\n"},
    )

    result = run("--dynadag")

    result.assert_outcomes(passed=1)
    assert (
        f"dynadag: there is no DAG folder {pytester.path}/dags (the default: no ini dynadag_dags)"
        in result.outlines
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["--dynadag-timeout", "soon"],
            "--dynadag-timeout: a number of seconds above 0 is needed, not 'soon'",
        ),
        (
            ["-o", "dynadag_memory=much"],
            "ini dynadag_memory: a size such as 512MB or 8GB is needed, not 'much'",
        ),
        (["-o", "dynadag_timeout=0"], "ini dynadag_timeout: a number of seconds above 0 is needed, not '0'"),
        (
            ["-o", "dynadag_engine=fast"],
            "ini dynadag_engine: there is no engine 'fast'; known: " + ", ".join(ENGINES),
        ),
    ],
)
def test_an_option_that_cannot_be_meant_is_a_usage_error(
    run: Run, arguments: list[str], expected: str
) -> None:
    """The message names the option as it was written, and what would do."""
    result = run(*arguments)

    assert pytest.ExitCode.USAGE_ERROR == result.ret
    assert f"ERROR: {expected}" in result.stderr.str()


def test_the_ini_file_can_switch_it_on(project: pytest.Pytester, run: Run) -> None:
    """`dynadag = true` is as good as `--dynadag`."""
    write(project, **{"pytest.ini": "[pytest]\ndynadag = true\n"})

    run().assert_outcomes(passed=4)


@pytest.mark.parametrize("timeout", [("--dynadag-timeout", "2"), ("-o", "dynadag_timeout=2")])
def test_a_file_that_hangs_is_stopped_after_the_timeout(
    pytester: pytest.Pytester, run: Run, timeout: tuple[str, ...]
) -> None:
    """The item of the file fails after as many seconds as the option, or else the ini file, says."""
    write(pytester, **{"dags/hangs.py": "import time\nfrom airflow import DAG\ntime.sleep(600)\n"})

    result = run("--dynadag", *timeout)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["dags/hangs.py:3: DYN402 still loading after 2 s, and stopped"])


def test_a_session_that_does_not_ask_loads_nothing(pytester: pytest.Pytester, run: Run) -> None:
    """Without `--dynadag` and our fixtures, only the rim and the ground floor are loaded, and no library for us."""
    names = "airflow syrupy freezegun yaml filelock sqlalchemy"
    text = f"import sys\nLOADED = [n for n in {names.split()} if n in sys.modules]\n"
    text += "OURS = [n for n in sys.modules if n.startswith('pytest_dynadag.')]\n"
    thin = (
        "pytest_dynadag.plugin",
        "pytest_dynadag.location",
        "pytest_dynadag.printable",
        "pytest_dynadag.errors",
        "pytest_dynadag.findings",
    )
    text += f"BEYOND = [n for n in OURS if not n.startswith({thin})]\n"
    text += "def test_it():\n    assert [] == LOADED\n    assert [] == BEYOND\n    assert OURS\n"
    write(pytester, **{"test_it.py": text})

    # syrupy is a plugin of its own, which pytest loads whether or not we are there.
    others = [f"-p no:{name}" for name in ("syrupy", "hypothesispytest", "anyio", "cov", "xdist", "timeout")]

    run(*others).assert_outcomes(passed=1)


def test_a_session_that_does_not_ask_makes_no_folder(
    pytester: pytest.Pytester, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing at all is written without `--dynadag`, under xdist neither."""
    write(pytester, **{"test_it.py": "def test_it(): pass\n", "tmp/.keep": ""})
    monkeypatch.setenv("TMPDIR", str(pytester.path / "tmp"))

    run("-n", "2").assert_outcomes(passed=1)

    assert [] == list((pytester.path / "tmp").glob("dynadag-*"))


def test_without_airflow_the_extra_to_install_is_named(
    project: pytest.Pytester, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """In an environment that has everything but Airflow, `--dynadag` is a usage error that says what to install."""
    packages = tmp_path_factory.mktemp("packages")
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.lower().startswith(("airflow", "apache_airflow", "apache-airflow")):
            (packages / entry.name).symlink_to(entry)
    path = os.pathsep.join([str(Path(pytest_dynadag.__file__).parents[1]), str(packages)])

    # -S: without the environment's own packages; those linked above stand in for them.
    command = [sys.executable, "-S", "-m", "pytest", "-p", "no:cacheprovider", "--dynadag", "dags"]
    result = subprocess.run(
        command,
        cwd=project.path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )

    asked = [sys.executable, "-S", "-c", "import sys; print(sys.prefix)"]
    prefix = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    expected = (
        f"ERROR: Apache Airflow is not installed in {prefix}, and loading or running DAGs needs it\n"
        "  next: pip install 'pytest-dynadag[airflow3]' (Airflow 3) or 'pytest-dynadag[airflow2]' (Airflow 2.10 or 2.11)"
    )
    assert (pytest.ExitCode.USAGE_ERROR, expected) == (result.returncode, result.stderr.strip())


def test_a_test_that_fails_shows_what_failed_in_its_runs(pytester: pytest.Pytester, run: Run) -> None:
    """The failing instances with their errors, their lines and what they said last, and nothing of Airflow's."""
    fails = SALES.replace(
        'return f"{region} loaded"', 'print("loading", region)\n        return 1 / len(region[2:])'
    )
    test = "def test_sales(dynadag):\n    assert dynadag.run('sales', given={'list_regions': ['apac', 'us']}).success\n"
    write(pytester, **{"dags/sales.py": fails, "test_sales.py": test})

    result = run("test_sales.py")

    result.assert_outcomes(failed=1)
    start = next(n for n, line in enumerate(result.outlines) if "run of 'sales'" in line and line[0] == "-")
    assert [
        "the run of 'sales' ended as failed: 1 instance failed",
        "  load[1]: ZeroDivisionError",
        "    division by zero",
        f"    at {pytester.path}/dags/sales.py:17",
        "    it said last:",
        "      loading us",
        "  not started for that: report",
    ] == result.outlines[start + 1 : start + 8]


def test_dags_of_other_files_can_be_triggered(pytester: pytest.Pytester, run: Run) -> None:
    """A run knows the DAGs that its tasks trigger, wherever in the folders they are."""
    triggers = (
        "from datetime import datetime\nfrom airflow import DAG\n"
        "try:\n    from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator\n"
        "except ImportError:\n    from airflow.operators.trigger_dagrun import TriggerDagRunOperator\n"
        "with DAG('calls', schedule=None, start_date=datetime(2024, 1, 1)):\n"
        "    TriggerDagRunOperator(task_id='go', trigger_dag_id='sales')\n"
    )
    test = "def test_calls(dynadag):\n    assert {'go': 'success'} == dynadag.run('calls').states\n"
    write(pytester, **{"dags/calls.py": triggers, "dags/sub/sales.py": SALES, "test_calls.py": test})

    run("test_calls.py").assert_outcomes(passed=1)


@pytest.mark.parametrize("way", ["collected", "on demand"])
def test_a_dag_of_the_default_folder_is_known_to_fixtures(
    project: pytest.Pytester, run: Run, way: str
) -> None:
    """A test plans a DAG by its id, whether or not its file is among what is collected."""
    text = "def test_it(dynadag):\n    assert 2 == dynadag.plan('sales', given={'list_regions': [1, 2]}).counts['load']\n"
    write(project, **{"tests/test_it.py": text})

    run("tests/test_it.py", *(["--dynadag"] if way == "collected" else [])).assert_outcomes(passed=1)


def test_workers_share_a_generation_made_on_demand(project: pytest.Pytester, run: Run) -> None:
    """Without `--dynadag`, the first worker that needs the DAG folder loads it, for all."""
    text = "import pytest\n@pytest.mark.parametrize('n', range(4))\ndef test_it(dynadag, n):\n    dynadag.plan('sales', given={'list_regions': []})\n"
    counted = f"\nopen({str(project.path / 'n')!r}, 'a').write('x')\n"
    write(project, **{"test_it.py": text, "dags/sales.py": SALES + counted})

    run("-n", "2", "test_it.py").assert_outcomes(passed=4)

    assert "x" == (project.path / "n").read_text()


TENANTS = """\
import datetime as dt
import json
from airflow import DAG
from airflow.models import Variable
try:
    from airflow.sdk import task
except ImportError:
    from airflow.decorators import task

for tenant in json.loads(Variable.get("tenants")):
    with DAG(f"tenant_{tenant}", schedule=None, start_date=dt.datetime(2024, 1, 1)):
        task(task_id="load")(lambda tenant=tenant: tenant)()
"""
ASKS_TENANTS = """\
import pytest
from pytest_dynadag import UnknownNameError

def test_tenant(dynadag):
    assert {"load": 1} == dynadag.plan("tenant_x", variables={"tenants": ["x"]}).counts
    assert {"load": "x"} == dynadag.run("tenant_x", variables={"tenants": ["x"]}).xcoms

def test_no_tenant(dynadag):
    with pytest.raises(UnknownNameError) as caught:
        dynadag.plan("tenant_y", variables={"tenants": ["x"]})
    assert str(caught.value).endswith(
        "/dags with these variables: there is no DAG 'tenant_y'; did you mean 'tenant_x'?"
    )
"""


def test_a_dag_that_only_its_variables_make_is_found(pytester: pytest.Pytester, run: Run) -> None:
    """A call with Variables finds a DAG that no file makes without them; files that end the process stay unloaded."""
    ends = "from airflow import DAG\nimport os\nos._exit(3)\n"
    write(pytester, **{"dags/tenants.py": TENANTS, "dags/ends.py": ends, "test_it.py": ASKS_TENANTS})

    run("test_it.py").assert_outcomes(passed=2)


SLIPS = """\
def test_plan(dynadag):
    dynadag.plan("sales")

def test_counts(dynadag):
    dynadag.plan("sales", given={"list_regions": []}).counts["laod"]

def test_instance(dynadag):
    dynadag.plan("sales", given={"list_regions": []})["laod"]

def test_same(dynadag):
    one, two = (dynadag.plan("sales", given={"list_regions": regions}) for regions in (["eu"], ["us"]))
    dynadag.assert_same(one, two)
"""


def test_a_slip_is_shown_at_the_line_of_the_test(project: pytest.Pytester, run: Run) -> None:
    """The traceback of what is meant for the user has the user's own frame, and none of ours."""
    write(project, **{"test_slips.py": SLIPS})

    result = run("test_slips.py")

    result.assert_outcomes(failed=4)
    result.stdout.fnmatch_lines(
        [
            '>       dynadag.plan("sales")',
            "E       *MissingGivenError: cannot plan 'sales': 1 upstream output is missing from the given",
            "test_slips.py:2: MissingGivenError",
            "E       *UnknownNameError: the expansion of 'sales': there is no task 'laod'; did you mean 'load'?",
            "test_slips.py:5: UnknownNameError",
            "test_slips.py:8: UnknownNameError",
            "test_slips.py:12: DisagreementError",
        ]
    )
    assert "pytest_dynadag/" not in result.stdout.str()


MISUSES = """\
import pytest
from pytest_dynadag import DynadagError

G = {"list_regions": ["eu", "us"]}

def refuse(call, *args, **kwargs):
    with pytest.raises(DynadagError) as refused:
        call(*args, **kwargs)
    return str(refused.value)

def test_what_is_planned_and_run(dynadag):
    wanted = "a dag_id, an Airflow DAG object or a Structure"
    assert f"dag takes {wanted}, not None" == refuse(dynadag.plan, None)
    assert f"dag takes {wanted}, not 3" == refuse(dynadag.plan, 3)
    structure = dynadag.load().structures["sales"]
    assert dynadag.plan(structure, given=G) == dynadag.plan("sales", given=G)
    assert refuse(dynadag.run, structure).endswith("a Structure holds no code to run, not a Structure")

def test_what_is_loaded_and_checked(dynadag):
    assert "path takes the path of a DAG file or folder, not 3" == refuse(dynadag.load, 3)
    assert "variables takes a mapping of names to values, not a list" == refuse(dynadag.load, variables=["x"])
    dag = dynadag.load().dags["sales"]
    wanted = "path_or_dag_id takes the path of a DAG file or folder, or a dag_id"
    assert f"{wanted}, not a DAG" == refuse(dynadag.assert_deterministic, dag)
    assert "seeds takes 2 or more: one generation has nothing to be compared with, not 1" == refuse(
        dynadag.check_determinism, "sales", seeds=1
    )
    assert "lengths takes numbers of elements, none of them below 0, not -1" == refuse(
        dynadag.sizes, "sales", lengths=(0, -1)
    )

def test_what_is_compared(dynadag):
    plan, run = dynadag.plan("sales", given=G), dynadag.run("sales", given=G)
    assert "observed takes an Expansion, not a Run\\n  next: pass observed.expansion" == refuse(
        dynadag.assert_same, plan, run
    )
    assert "other takes an Expansion, not a Run" == refuse(plan.diff, run)

def test_orders(dynadag):
    said = "run(order=...): there is no order 'revers'; did you mean 'reverse'?"
    assert said == refuse(dynadag.run, "sales", given=G, order="revers")
    wanted = "order takes None, 'reverse', or a whole number that seeds another order"
    assert f"{wanted}, not a list" == refuse(dynadag.run, "sales", given=G, order=["load"])
    assert f"{wanted}, not True" == refuse(dynadag.run, "sales", given=G, order=True)

def test_what_is_given_to_a_run(dynadag):
    assert "it has 1 entry, and load has 2 instances" in refuse(dynadag.run, "sales", given={**G, "load": ["x"]})
    three = {**G, "load": ["x", "y", "z"]}
    assert "it has 3 entries, and load has 2 instances" in refuse(dynadag.run, "sales", given=three)
    assert "counted from 0" in refuse(dynadag.run, "sales", given=G, states={"load[7]": "failed"})
    raising = {**G, "load": lambda inputs: inputs["nope"]}
    assert "the function raised KeyError: 'nope' for load[0]" in refuse(dynadag.run, "sales", given=raising)

def test_an_xcom_by_the_key_of_its_instance(dynadag):
    run = dynadag.run("sales", given=G)
    assert "us loaded" == run.xcom("load[1]") == run.xcom("load", index=1)
    assert "there is no XCom 'load[7]'; did you mean 'load[1]' or 'load[0]'?" in refuse(run.xcom, "load[7]")

def test_orders_of_a_file(dynadag):
    assert dynadag.check_determinism("dags/sales.py", runs=2, seeds=2).ok
    assert "runs takes one DAG, and dags/two.py has 'one', 'two'\\n  next: pass a dag_id" == refuse(
        dynadag.check_determinism, "dags/two.py", runs=2
    )

@pytest.mark.dynadag({"list_regions": ["eu"]})
def test_marked(dynadag):
    pass
"""
TWO = """\
try:
    from airflow.sdk import DAG
except ImportError:
    from airflow import DAG

one, two = DAG("one", schedule=None), DAG("two", schedule=None)
"""


def test_what_cannot_be_meant_is_refused(project: pytest.Pytester, run: Run) -> None:
    """The message names the argument, what it takes, and what was passed."""
    write(project, **{"test_misuses.py": MISUSES, "dags/two.py": TWO})

    result = run("test_misuses.py")

    result.assert_outcomes(passed=7, errors=1)
    result.stdout.fnmatch_lines(
        [
            (
                "E *ArgumentError: test_misuses.py::test_marked: @pytest.mark.dynadag takes arguments by name, "
                "not a dict"
            ),
            "*next: name it: given={...}",
        ]
    )
