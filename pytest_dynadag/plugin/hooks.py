"""The hooks that pytest calls: a table of contents, each entry handing over to what does the work."""

# Loaded by every pytest session. What a session without `--dynadag` and without our fixtures does not need is
# imported inside functions.

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_dynadag.plugin.fixtures import dynadag  # noqa: F401 - pytest finds the fixture here
from pytest_dynadag.plugin.options import MARKER, add_options
from pytest_dynadag.plugin.properties import find_accepted, find_not_checked, find_snapshots
from pytest_dynadag.plugin.session import DagSession, session_of
from pytest_dynadag.plugin.snapshot import (
    dynadag_snapshot,  # noqa: F401 - as above
    note_worker,
    protect_snapshots,
)

if TYPE_CHECKING:
    from pytest_dynadag.plugin.collection import DagCollection


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, each with its ini twin."""
    add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Show what was asked about a rule, or about the installation, instead of running tests."""
    if config.getoption("dynadag_doctor"):
        from pytest_dynadag.plugin.doctor import run

        return run(session_of(config))
    if (rule := config.getoption("dynadag_explain")) is None:
        return None
    from pytest_dynadag.plugin.reference import UnknownRuleError, explain

    try:
        print(explain(rule))  # noqa: T201 - what was asked for
    except UnknownRuleError as error:
        raise pytest.UsageError(str(error)) from None
    return pytest.ExitCode.OK


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker; with `--dynadag`, let pytest look into the DAG folders as well."""
    config.addinivalue_line("markers", MARKER)
    session = session_of(config)
    if session.options.active:
        session.add_defaults_to_arguments()
        _check_determinism(session)
    if session.options.active or session.options.is_recorded:
        _follow(session)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker where the record is (xdist's hook: called on the controller)."""
    session_of(node.config).hand_over(node.workerinput)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Make the generation that decides what is collected, while xdist's workers start, and say what is in it."""
    if session_of(session.config).options.active:
        from pytest_dynadag.plugin.preparing import prepare

        prepare(session.config)
    return (yield)


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Take a package that holds DAG files for a plain folder."""
    collection = _collection_of(parent.config)
    return collection.offer_directory(path, parent) if collection else None


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Offer the checks of a DAG file, as the generation names them, and the cases of a case file."""
    collectors = yield
    collection = _collection_of(parent.config)
    return collection.replace(file_path, parent, collectors) if collection else collectors


@pytest.hookimpl(wrapper=True)
def pytest_assertrepr_compare(
    config: pytest.Config, op: str, left: object, right: object
) -> Generator[None, list[list[str] | None], list[list[str] | None]]:
    """Say how two expansions differ, or one and its snapshot; before syrupy, which knows only lines."""
    explanations = yield
    from pytest_dynadag.plugin.assertions import explain_comparison

    return [explain_comparison(config, op, left, right), *explanations]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Hear from an xdist worker what it collected (xdist's hook: called on the controller)."""
    note_worker(node.config, getattr(node, "workeroutput", None) or {})


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> Generator[None, object, object]:
    """Before syrupy's end: no session that failed or left tests out deletes snapshots; after it: the exit code."""
    protect_snapshots(session, exitstatus)
    result = yield
    if exitstatus == pytest.ExitCode.INTERRUPTED:
        session.exitstatus = exitstatus  # syrupy adds its own to it, and makes an internal error of the two
    return result


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what each DAG becomes and how its cases went, what was accepted, not checked, and written."""
    stats, root = terminalreporter.stats, terminalreporter.config.rootpath
    for line in find_accepted(stats, root):
        terminalreporter.write_line(f"accepted: {line}")
    for line in find_not_checked(stats):
        terminalreporter.write_line(f"not checked: {line}")
    for line in find_snapshots(stats):
        terminalreporter.write_line(f"snapshot {line}")
    if generation := session_of(terminalreporter.config).collected_generation:
        from pytest_dynadag.plugin.reporting import write_summary

        write_summary(terminalreporter, generation)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing behind."""
    session_of(config).close()


def _collection_of(config: pytest.Config) -> DagCollection | None:
    if not session_of(config).options.active:
        return None
    from pytest_dynadag.plugin.preparing import collection_of

    return collection_of(config)


def _check_determinism(session: DagSession) -> None:
    """Find out before the first test whether the DAGs stay the same, where a test asks for it."""
    from pytest_dynadag.plugin.determining import DeterminismRun, check_options

    check_options(session)
    session.config.pluginmanager.register(DeterminismRun(session), "dynadag-determinism")


def _follow(session: DagSession) -> None:
    """Note what tests plan, run and find; the process that controls the session reports it."""
    from pytest_dynadag.plugin.recording import recording_of
    from pytest_dynadag.plugin.report import Reporter

    plugins = session.config.pluginmanager
    plugins.register(recording_of(session), "dynadag-recording")
    if session.worker == "main":
        plugins.register(Reporter(session), "dynadag-report")
