from __future__ import annotations

import pytest

from pytest_dynadag.bridge.loading import describe_failure
from pytest_dynadag.bridge.metadata import Lookup
from pytest_dynadag.generate import failures
from pytest_dynadag.location import Location

STACK = """Current thread 0x1 (most recent call first):
  File "/lib/socket.py", line 7 in recv
  File "/dags/slow.py", line 4 in ask
  File "/dags/slow.py", line 6 in <module>
  File "/airflow/importer.py", line 1 in parse
"""


def trace(statement: str, error: str, *further: str) -> str:
    """Write a traceback as Airflow hands it over: its own frame, the file's, perhaps further ones."""
    frames = ['  File "/airflow/importer.py", line 1, in parse', "    exec()"]
    frames += ['  File "/dags/a.py", line 3, in <module>', f"    {statement}"]
    frames += [line for file in further for line in (f'  File "{file}", line 9, in inner', "    work()")]
    return "\n".join(["Traceback (most recent call last):", *frames, error])


def say(text: str, *lookups: Lookup) -> str:
    """Give the whole message about a file that ended with the traceback *text*."""
    return str(failures.describe_import("/dags/a.py", describe_failure("/dags/a.py", text, lookups)))


def test_an_import_error_shows_the_users_part_of_the_traceback() -> None:
    """Airflow's own frames above the file are left out."""
    expected = """\
/dags/a.py:3: DYN401 NameError: name 'x' is not defined

  File "/dags/a.py", line 3, in <module>
    x
NameError: name 'x' is not defined"""

    assert expected == say(trace("x", "NameError: name 'x' is not defined"))


def test_a_long_traceback_keeps_its_ends() -> None:
    """What the file called first and where it ended are shown, and how much lies between."""
    text = trace("deep()", "ValueError: no", *(f"/lib/{n}.py" for n in range(20)))

    detail = say(text).split("\n\n")[1].splitlines()

    assert ['  File "/dags/a.py", line 3, in <module>', "    deep()", "  ... 29 lines left out"] == detail[:3]
    assert "ValueError: no" == detail[-1]
    assert 15 == len(detail)


@pytest.mark.parametrize(
    ("statement", "module", "package"),
    [
        (
            "from airflow.providers.cncf.kubernetes.operators.pod import X",
            "airflow.providers.cncf",
            "cncf-kubernetes",
        ),
        ("from airflow.providers.google.cloud.operators import X", "airflow.providers.google", "google"),
        ("import airflow.providers.microsoft.azure.hooks", "airflow.providers.microsoft", "microsoft-azure"),
    ],
)
def test_a_missing_provider_is_named_as_its_package(statement: str, module: str, package: str) -> None:
    """The remedy is the command that installs the provider which the statement needs."""
    message = say(trace(statement, f"ModuleNotFoundError: No module named '{module}'"))

    assert f"  next: pip install apache-airflow-providers-{package}" == message.splitlines()[1]


def test_another_missing_module_is_named() -> None:
    """A module of nobody's we know is to be installed, or put on the path."""
    expected = """\
/dags/a.py:3: DYN401 ModuleNotFoundError: No module named 'tools'
  next: if 'tools' is no slip, install the package that has it where pytest runs, or put its folder on the path (ini pythonpath)

  File "/dags/a.py", line 3, in <module>
    import tools.x
ModuleNotFoundError: No module named 'tools'"""

    assert expected == say(trace("import tools.x", "ModuleNotFoundError: No module named 'tools'"))


def test_a_missing_variable_is_named_with_what_lets_it_through() -> None:
    """Who asks for a Variable without a default is told the three ways to have one."""
    message = say(
        trace("Variable.get('day')", "KeyError: 'Variable day does not exist'"),
        Lookup("Variable", "day", found=False),
    )

    assert [
        "/dags/a.py:3: DYN401 KeyError: 'Variable day does not exist'",
        "  Variable 'day': not there while the file is loaded",
        (
            "  next: give it a default, or let AIRFLOW_VAR_DAY through with the ini dynadag_env; "
            "a case or a test that gives it loads the file for itself"
        ),
    ] == message.splitlines()[:3]


def test_a_file_that_exits_is_told_what_that_is_for() -> None:
    """`sys.exit()` while a file is loaded is no crash, but does not belong there."""
    message = say(trace("sys.exit(3)", "SystemExit: 3"))

    assert [
        "/dags/a.py:3: DYN401 the file ends the process while it is loaded (SystemExit: 3)",
        "  next: DAG files are imported: keep what is meant for the command line below `if __name__ == '__main__':`",
    ] == message.splitlines()[:2]


NO_TABLE = "sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) no such table: dag_run"


def test_database_access_is_a_finding_of_its_own() -> None:
    """Whoever asks the metadata database while a file is loaded is told to ask in a task, without SQL."""
    expected = """\
/dags/a.py:3: DYN405 the file asks the metadata database (table 'dag_run') while it is loaded
  next: ask for it in a task, or in a Jinja template: then only the running task does"""

    assert expected == say(trace("DagRun.find()", NO_TABLE, "/sqlalchemy/orm.py"))


@pytest.mark.parametrize(("function", "expected"), [("__init__", True), ("factory", True), ("find", False)])
def test_airflow_that_asks_while_a_dag_is_made_is_recognised(function: str, expected: bool) -> None:
    """What a constructor asks is not the file's fault; what the file calls is."""
    text = trace("DAG('x')", NO_TABLE, "/airflow/dag.py").replace("in inner", f"in {function}")

    assert expected is failures.asks_while_building("/dags/a.py", text)


def test_a_timeout_says_where_the_file_was() -> None:
    """The line that waits is the place of the finding, and the calls that lead to it are shown, outermost first."""
    expected = """\
/dags/slow.py:4: DYN402 still loading after 30 s, and stopped
  next: move what waits (a request, a query, a sleep) into a task, or allow more with --dynadag-timeout SECONDS

it was here:
  File "/dags/slow.py", line 6 in <module>
  File "/dags/slow.py", line 4 in ask
  File "/lib/socket.py", line 7 in recv
it printed last:
  asking"""

    assert expected == str(failures.describe_timeout("/dags/slow.py", 30.0, STACK, "asking\n"))


def test_a_process_that_ended_is_told_by_its_exit_code() -> None:
    """`os._exit()` leaves nothing but an exit code, and what was printed before."""
    expected = """\
/dags/a.py:1: DYN404 the process that loaded the file ended with exit code 7
  next: look for os._exit() in the file and in what it imports

it printed last:
  going down"""

    assert expected == str(failures.describe_death("/dags/a.py", 7, "", "going down\n"))


@pytest.mark.parametrize(
    ("code", "how", "remedy"),
    [
        (-9, "SIGKILL", "was it out of memory? Look at what the file loads or builds before its tasks run"),
        (-11, "SIGSEGV", "the crash is in compiled code that the file uses: load that inside a task"),
        (-15, "SIGTERM", "look for what sends the signal while the file is loaded"),
    ],
)
def test_a_process_that_was_killed_is_told_by_its_signal(code: int, how: str, remedy: str) -> None:
    """The signal has its name, and the remedy is the one for that signal."""
    expected = f"/dags/a.py:1: DYN404 the process that loaded the file was ended by {how}\n  next: {remedy}"

    assert expected == str(failures.describe_death("/dags/a.py", code, "", ""))


def test_a_duplicate_names_both_places() -> None:
    """Two DAGs with one id are told apart by where they stand."""
    expected = """\
/dags/b.py:2: DYN403 dag_id 'sales' is taken by /dags/a.py:1: Airflow keeps one of the two, whichever it reads last
  next: give one of them another dag_id"""

    failure = failures.describe_duplicate("sales", Location("/dags/b.py", 2), Location("/dags/a.py", 1))

    assert expected == str(failure)


def test_a_dag_that_we_cannot_read_is_our_affair() -> None:
    """A gap of ours does not look like a fault of the DAG."""
    expected = """\
/dags/a.py:1: DYN401 DAG 'odd' was loaded but cannot be read: TypeError: no
  next: please report it to pytest-dynadag, with the part of the DAG that is unusual"""

    assert expected == str(failures.describe_unreadable("/dags/a.py", "odd", TypeError("no")))


def test_a_dag_that_cannot_be_stored_is_told_what_is_in_the_way() -> None:
    """Airflow's words for what it cannot serialise, and what can be stored instead."""
    expected = """\
/dags/a.py:5: DYN406 DAG 'odd' cannot be serialised, so no scheduler ever sees it: TypeError: no source of a partial
  next: hand the DAG and its tasks data, functions and classes that stand in a module under a name of their own"""

    failure = failures.describe_unserialisable(
        "odd", Location("/dags/a.py", 5), TypeError("no source of a partial")
    )

    assert expected == str(failure)


def test_a_class_that_no_plugin_registers_leads_to_plugins() -> None:
    """A custom timetable or strategy needs a plugin, which the isolation may hide."""
    expected = """\
/dags/a.py:5: DYN406 DAG 'odd' cannot be serialised, so no scheduler ever sees it: LookupError: X is not registered
  next: register the class in an Airflow plugin; if one in a plugins folder does, let AIRFLOW__CORE__PLUGINS_FOLDER through with the ini dynadag_env"""

    failure = failures.describe_unserialisable(
        "odd", Location("/dags/a.py", 5), LookupError("X is not registered")
    )

    assert expected == str(failure)
