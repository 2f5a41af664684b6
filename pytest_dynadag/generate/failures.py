"""What is said about a DAG file that could not be loaded: composed from plain data, so that tests compare it whole."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterable, Sequence

from pytest_dynadag.bridge.accesses import BUILDERS
from pytest_dynadag.bridge.loading import ImportFailure
from pytest_dynadag.findings import Finding
from pytest_dynadag.generate.records import Failure
from pytest_dynadag.location import Location
from pytest_dynadag.printable import escape, escape_lines

_MOST_LINES = 14
_LONGEST_LINE = 240
# Provider packages whose second word belongs to the name: apache-airflow-providers-cncf-kubernetes.
_TWO_WORDS = ("apache", "atlassian", "cncf", "common", "dbt", "ibm", "microsoft")
_NO_MODULE = re.compile(r"ModuleNotFoundError: No module named '(?P<name>[\w.]+)'")
# The isolated home's database has no tables: whoever asks it while a file is loaded is told so.
_NO_TABLE = re.compile(r"OperationalError: \(.*\) no such table: (?P<name>\w+)")

# Airflow stores a custom timetable or priority strategy by its name, and only where a plugin has registered it.
_UNREGISTERED = re.compile(r"is not registered|Unknown priority strategy")
_REGISTER = (
    "register the class in an Airflow plugin; if one in a plugins folder does, let AIRFLOW__CORE__PLUGINS_FOLDER "
    "through with the ini dynadag_env"
)
_NAME_IT = (
    "hand the DAG and its tasks data, functions and classes that stand in a module under a name of their own"
)

_MOVED = "this Airflow has it elsewhere or no more: `ruff check --select AIR` says what took its place"
# What Airflow refuses while it loads a file, as it says it, and what is written instead.
_REFUSED = (
    (
        r"expand\(\) got an unexpected type '(frozen)?set'",
        "write sorted(...) around the set; list(...) would leave an order that differs between processes (DYN102)",
    ),
    (
        r"(expand|expand_kwargs)\(\) got an unexpected type",
        "map over a list, a dict or the output of a task",
    ),
    (
        r"unexpected keyword argument 'schedule_interval'",
        "write schedule=: Airflow 3 has no schedule_interval",
    ),
    (r"unexpected keyword argument 'default_var'", "write Variable.get(name, default=...) for Airflow 3"),
    (r"ImportError: cannot import name '\w+' from 'airflow", _MOVED),
)

_ASK_LATER = "ask for it in a task, or in a Jinja template: then only the running task does"
_ALLOW_MEMORY = (
    "load and build less before the tasks run, or allow a file more with the ini dynadag_memory (such as 8GB)"
)

_NEXT_AFTER_SIGNAL = {
    "SIGKILL": "was it out of memory? Look at what the file loads or builds before its tasks run",
    "SIGSEGV": "the crash is in compiled code that the file uses: load that inside a task",
}


def describe_import(path: str, error: ImportFailure, changed: Sequence[str] = ()) -> Failure:
    """Say why Airflow could not import the file *path*, or refused a DAG of it; *changed* as in `LoadedFile`."""
    rule, message, remedy = _explain(error)
    if changed:
        message += f"\n  the file replaces {enumerate_names(changed)}, which Airflow uses as well"
    detail = "" if rule == "DYN405" else end_of_traceback(error.text, escape(path))
    return Failure(Finding(rule, None, error.location, message, remedy), detail)


def describe_changes(path: str, changed: Sequence[str]) -> str:
    """Say that a file changed what every module of the process uses."""
    return f"{Location(path)}: replaces {enumerate_names(changed)} while it is loaded; undone for other files"


def enumerate_names(names: Sequence[str], most: int = 3) -> str:
    """Give the first names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def describe_unreadable(path: str, dag_id: str, error: Exception) -> Failure:
    """Say that a DAG was loaded but could not be read into a structure: a gap of ours."""
    message = f"DAG {dag_id!r} was loaded but cannot be read: {type(error).__name__}: {error}"
    remedy = "please report it to pytest-dynadag, with the part of the DAG that is unusual"
    return Failure(Finding("DYN401", dag_id, Location(path), message, remedy))


def describe_unrecordable(path: str, error: Exception) -> Failure:
    """Say that a file was loaded, but that looking at what it gave failed."""
    if isinstance(error, MemoryError):
        message = "the DAGs of the file need more memory than it may use"
        return Failure(Finding("DYN401", None, Location(path), message, _ALLOW_MEMORY))
    message = f"the file was loaded, but what it gave cannot be read: {type(error).__name__}: {error}"
    remedy = "please report it to pytest-dynadag, with the part of the file that is unusual"
    return Failure(Finding("DYN401", None, Location(path), message, remedy))


def describe_gone(path: str) -> Failure:
    """Say that a file that was found is no longer there."""
    message = "the file was there when the folder was listed, and is gone now"
    return Failure(Finding("DYN401", None, Location(path), message, "look for a DAG file that deletes files"))


def describe_access(path: str, line: int) -> Failure:
    """Say that the file at *path* asks the metadata database, and goes on whatever it hears."""
    message = "the file asks the metadata database while it is loaded"
    return Failure(Finding("DYN405", None, Location(path, line), message, _ASK_LATER))


def describe_unserialisable(dag_id: str, place: Location, error: BaseException) -> Failure:
    """Say that Airflow cannot store a DAG."""
    first_line = str(error).partition("\n")[0]
    message = f"DAG {dag_id!r} cannot be serialised, so no scheduler ever sees it: {type(error).__name__}: {first_line}"
    remedy = _REGISTER if _UNREGISTERED.search(str(error)) else _NAME_IT
    return Failure(Finding("DYN406", dag_id, place, message, remedy))


def describe_timeout(path: str, seconds: float, stack: str, printed: str) -> Failure:
    """Say that *path* was stopped after *seconds*; *stack* is where it was, innermost call first."""
    message = f"still loading after {seconds:g} s, and stopped"
    remedy = "move what waits (a request, a query, a sleep) into a task, or allow more with --dynadag-timeout SECONDS"
    finding = Finding("DYN402", None, _innermost(path, stack), message, remedy)
    return Failure(finding, _join(_calls(path, stack), _end_of_output(printed)))


def describe_death(path: str, code: int, stack: str, printed: str) -> Failure:
    """Say that the process that loaded *path* ended with *code* (negative: the signal that ended it)."""
    how = f"was ended by {name_signal(-code)}" if code < 0 else f"ended with exit code {code}"
    remedy = (
        _NEXT_AFTER_SIGNAL.get(name_signal(-code), "look for what sends the signal while the file is loaded")
        if code < 0
        else "look for os._exit() in the file and in what it imports"
    )
    finding = Finding(
        "DYN404", None, _innermost(path, stack), f"the process that loaded the file {how}", remedy
    )
    return Failure(finding, _join(_calls(path, stack), _end_of_output(printed)))


def describe_duplicate(dag_id: str, place: Location, first: Location) -> Failure:
    """Say that the DAG at *place* has the dag_id of one that was loaded before."""
    message = f"dag_id {dag_id!r} is taken by {first}: Airflow keeps one of the two, whichever it reads last"
    return Failure(Finding("DYN403", dag_id, place, message, "give one of them another dag_id"))


def asks_while_building(path: str, text: str) -> bool:
    """
    Tell whether Airflow itself asked the metadata database while the file *path* made a DAG or an operator.

    Airflow 2 does so for dataset aliases in a schedule and for SubDagOperator: no fault of the file's.
    """
    calls = re.findall(r'^ +File "(.+)", line \d+, in (\S+)$', text, re.MULTILINE)
    own = [number for number, (file, _) in enumerate(calls) if file == path]
    called = calls[own[-1] + 1][1] if own and own[-1] + 1 < len(calls) else ""
    return bool(_NO_TABLE.search(text)) and called in BUILDERS


def lacks_table(error: BaseException) -> bool:
    """Tell whether *error* comes from asking the metadata database, which has no tables while files are loaded."""
    return bool(_NO_TABLE.search(f"{type(error).__name__}: {error}"))


def name_signal(number: int) -> str:
    """Give the name of a signal, such as SIGSEGV."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def name_package(module: str) -> str | None:
    """Give the provider package that has *module*; None where it is none of Airflow's."""
    words = module.split(".")
    if words[:2] != ["airflow", "providers"] or len(words) < 3:
        return None
    return "-".join(["apache-airflow-providers", *words[2 : 4 if words[2] in _TWO_WORDS else 3]])


def end_of_traceback(text: str, path: str) -> str:
    """Give the traceback *text* from the user's file on, without Airflow's own frames above it, and not too long."""
    lines = text.rstrip().splitlines()
    own = next((n for n, line in enumerate(lines) if line.lstrip(" |").startswith(f'File "{path}')), None)
    if own is None:
        return "" if len(lines) <= 1 else "\n".join(_make_showable(lines[-_MOST_LINES:]))
    shown = _make_showable(lines[own:])
    if len(shown) > _MOST_LINES:
        left_out = len(shown) - _MOST_LINES
        shown = [*shown[:2], f"  ... {left_out} lines left out", *shown[2 + left_out :]]
    return "\n".join(shown)


def _explain(error: ImportFailure) -> tuple[str, str, str]:
    """Give the rule, the message and the remedy."""
    if error.missing:
        names = ", ".join(f"{lookup.kind} {lookup.name!r}" for lookup in error.missing)
        variable = f"AIRFLOW_{'VAR' if error.missing[0].kind == 'Variable' else 'CONN'}_{error.missing[0].name.upper()}"
        remedy = (
            f"give it a default, or let {variable} through with the ini dynadag_env; "
            "a case or a test that gives it loads the file for itself"
        )
        return "DYN401", f"{error.message}\n  {names}: not there while the file is loaded", remedy
    if error.message.partition(":")[0].endswith("MemoryError"):
        return "DYN401", f"the file runs out of memory while it is loaded ({error.message})", _ALLOW_MEMORY
    if error.message.startswith("SystemExit"):
        remedy = "DAG files are imported: keep what is meant for the command line below `if __name__ == '__main__':`"
        return "DYN401", f"the file ends the process while it is loaded ({error.message})", remedy
    if match := _NO_TABLE.search(error.message):
        message = f"the file asks the metadata database (table {match['name']!r}) while it is loaded"
        return "DYN405", message, _ASK_LATER
    if match := _NO_MODULE.match(error.message):
        return "DYN401", error.message, _install(match["name"], error.text)
    known = (remedy for pattern, remedy in _REFUSED if re.search(pattern, error.message))
    return "DYN401", error.message, next(known, "")


def _install(module: str, text: str) -> str:
    """Say what to install for a missing module; the statement in the traceback names it in full."""
    stated = re.findall(rf"(?:from|import) ({re.escape(module)}[\w.]*)", text)
    package = name_package(stated[-1] if stated else module)
    if package:
        return f"pip install {package}"
    if module.split(".", maxsplit=1)[0] == "airflow":
        return _MOVED
    return (
        f"if {module!r} is no slip, install the package that has it where pytest runs, or put its folder on the "
        "path (ini pythonpath)"
    )


def _calls(path: str, stack: str) -> str:
    """Give the calls of *stack* from the file *path* inwards, outermost first."""
    frames = [line for line in stack.splitlines() if line.startswith("  File ")]
    own = [n for n, line in enumerate(frames) if line.startswith(f'  File "{path}"')]
    inner = frames[: own[-1] + 1] if own else []
    return "\n".join(["it was here:", *reversed(inner[-_MOST_LINES:])]) if inner else ""


def _innermost(path: str, stack: str) -> Location:
    match = re.search(rf'^  File "{re.escape(path)}", line (\d+)', stack, re.MULTILINE)
    return Location(path, int(match[1]) if match else 1)


def _make_showable(lines: Iterable[str]) -> list[str]:
    return [
        escape_lines(line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}...") for line in lines
    ]


def _end_of_output(printed: str) -> str:
    lines = _make_showable(printed.rstrip().splitlines()[-_MOST_LINES:])
    return "\n".join(["it printed last:", *(f"  {line}" for line in lines)]) if lines else ""


def _join(*parts: str) -> str:
    return "\n".join(part for part in parts if part)
