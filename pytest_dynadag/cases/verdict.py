"""Verdicts: whether what a case expects is what its DAG becomes."""

# `judge` is pure, so that every expectation is tested without Airflow; `check_case` plans or runs and calls it.

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from pytest_dynadag.allowances import Allowance, split_findings
from pytest_dynadag.cases.casefile import Case, Expectation
from pytest_dynadag.cases.document import CaseFileError, Problem
from pytest_dynadag.errors import DynadagError, GivenError, MissingGivenError, UnknownNameError, suggest
from pytest_dynadag.findings import Finding, add_references
from pytest_dynadag.graph.expansion import Expansion, Instance, TaskExpansion, Unknown
from pytest_dynadag.graph.given import format_key, parse_key
from pytest_dynadag.graph.text import count_of, fold, show, to_text

DECISIVE_RULES = frozenset(("DYN301", "DYN302", "DYN303"))
"""The findings that fail a case: Airflow would fail a task for them."""

FAILURES = frozenset(("failed", "upstream_failed"))

_MOST_LISTED = 10


class Run(Protocol):
    """What a verdict needs to know of a run."""

    @property
    def state(self) -> str:
        """How the run ended."""

    @property
    def secrets(self) -> frozenset[str]:
        """What was given to it and nobody may read."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was noticed and is not accepted."""

    @property
    def states(self) -> Mapping[str, str]:
        """Instance key to state."""

    @property
    def errors(self) -> Mapping[str, Any]:
        """Instance key to what went wrong; its str() is shown."""

    @property
    def expansion(self) -> Expansion:
        """What was observed."""


class Dynadag(Protocol):
    """What plans and runs: the `dynadag` fixture, or anything with these two methods."""

    def plan(
        self,
        dag: str,
        *,
        given: Mapping[Any, Any] | None = ...,
        states: Mapping[str, str] | None = ...,
        params: Mapping[str, Any] | None = ...,
        conf: Mapping[str, Any] | None = ...,
        variables: Mapping[str, Any] | None = ...,
        connections: Mapping[str, Any] | None = ...,
        env: Mapping[str, str | None] | None = ...,
    ) -> Expansion:
        """Compute the expansion of a DAG for what is given."""

    def run(
        self,
        dag: str,
        *,
        given: Mapping[Any, Any] | None = ...,
        states: Mapping[str, str] | None = ...,
        params: Mapping[str, Any] | None = ...,
        conf: Mapping[str, Any] | None = ...,
        variables: Mapping[str, Any] | None = ...,
        connections: Mapping[str, Any] | None = ...,
        env: Mapping[str, str | None] | None = ...,
        at: str | None = ...,
    ) -> Run:
        """Execute a DAG with what is given."""


class CaseFailure(AssertionError):  # noqa: N818  (a failing test, not an error of ours)
    """
    A case that does not hold.

    *case* and *dag_id* say which, *problems* what, *expansion* what the DAG became, *run* how it ran (None for
    a case that is only planned).
    """

    def __init__(
        self,
        case: Case,
        dag_id: str,
        problems: tuple[Problem, ...],
        expansion: Expansion,
        run: Run | None = None,
    ) -> None:
        self.case, self.dag_id, self.problems = case, dag_id, problems
        self.expansion, self.run = expansion, run
        super().__init__(describe_failure(case, dag_id, problems, expansion, run))


def check_case(
    case: Case, dynadag: Dynadag, dag_id: str, *, allowances: Sequence[Allowance] = ()
) -> Expansion | Run:
    """
    Plan or run the DAG with what *case* gives, and compare with what it expects.

    Args:
        case: The case.
        dynadag: What plans and runs.
        dag_id: The DAG.
        allowances: Findings of a plan that are accepted; a run knows its own.

    Returns:
        The plan, or the run: what a case without expectations is compared with its snapshot by.

    Raises:
        CaseFailure: It does not hold; the message lists everything that does not.
        CaseFileError: What it says cannot be meant, such as a task that the DAG does not have.
    """
    if case.problems:
        raise CaseFileError(Path(case.location.file), case.problems)
    sections = ("given", "states", "params", "conf", "variables", "connections", "env")
    given: dict[str, Any] = {name: value for name in sections if (value := getattr(case, name))}
    run = None
    try:
        if case.run:
            run = dynadag.run(dag_id, **given, at=case.at)
            expansion = run.expansion
        else:
            expansion = dynadag.plan(dag_id, **given)
    except DynadagError as error:
        problem = Problem(_locate_error(case, error), _explain_error(case, error))
        raise CaseFileError(Path(case.location.file), [problem]) from error
    if problems := judge(case, expansion, run, allowances):
        raise CaseFailure(case, dag_id, problems, expansion, run)
    return expansion if run is None else run


def _locate_error(case: Case, error: DynadagError) -> Any:
    """Give the line of the case that an error is about."""
    name = error.name if isinstance(error, UnknownNameError) else getattr(error, "key", None)
    for section, key in case.places:
        if section in {"given", "states"} and name in {key, parse_key(key)[0]}:
            return case.locate(section, key)
    return case.location


def _explain_error(case: Case, error: DynadagError) -> str:
    """Say what a plan or run said, in the words of a case file."""
    message = str(error)
    if isinstance(error, MissingGivenError):
        outputs = ", ".join(f"{task_id}: [...]" for task_id in error.missing)
        what, _, _ = message.partition("\n  next: ")
        message = f"{what}\n  next: add given: {{{outputs}}} to the case, or execute it with run: true"
    elif isinstance(error, GivenError):
        message = message.replace(
            "a list with one entry per index, or a callable of an instance's inputs", _LIST
        )
    return f"case {case.name!r}: {message}"


_LIST = "a list with one entry per index"


def describe_failure(
    case: Case, dag_id: str, problems: tuple[Problem, ...], expansion: Expansion, run: Run | None
) -> str:
    """Compose the message of a `CaseFailure`: what does not hold, what failed in the run, what the DAG became."""
    lines = [f"{case.location}: case {case.name!r} of DAG {dag_id!r} does not hold"]
    lines += [f"  {line}" for problem in problems for line in str(problem).splitlines()]
    if run is not None and run.errors:
        lines.append(f"errors in the run, which ended {run.state}:")
        lines += [f"  {line}" for line in fold(_describe_errors(run), len(run.errors), most=_MOST_LISTED)]
    lines.append("the run became:" if run is not None else "the plan is:")
    lines += [f"  {line}" for line in to_text(expansion, most=_MOST_LISTED).splitlines()]
    found = (*(run.findings if run is not None else ()), *expansion.findings)
    return add_references("\n".join(lines), found)


def _describe_errors(run: Run) -> list[str]:
    texts = {key: str(error).strip().replace("\n", "\n    ") for key, error in run.errors.items()}
    return [f"{key}: {text}" for key, text in texts.items()]


# -- judging ------------------------------------------------------------------------------------------------


def judge(
    case: Case, expansion: Expansion, run: Run | None = None, allowances: Sequence[Allowance] = ()
) -> tuple[Problem, ...]:
    """
    Give everything in which *expansion*, and *run* if it was executed, differ from what *case* expects.

    Besides the expectations themselves: a finding that makes Airflow fail a task (`DECISIVE_RULES`) has to be
    expected by that task's state, such as `list_regions: failed`; a run that fails by its state or a task's. What
    tasks made while they ran (DYN201 to DYN204) is never meant, unless it is accepted.
    """
    states = {**expansion.states, **(run.states if run is not None else {})}
    found: list[Problem] = []
    for expectation in case.expect or ():
        message = _judge_one(expectation, expansion, states, run)
        if message:
            found.append(Problem(expectation.location, f"{expectation.key}: {message}"))
    found += _judge_findings(case, expansion, allowances)
    found += [Problem(case.location, str(finding)) for finding in (run.findings if run is not None else ())]
    if run is not None and run.state != "success" and not _expects_failure(case):
        message = f"the run ended {run.state}, and nothing says that it should"
        found.append(Problem(case.location, f"{message}\n  next: mend the DAG, or expect state: {run.state}"))
    return tuple(found)


def _expects_failure(case: Case) -> bool:
    """Tell whether the case speaks of the run's end, or of a task that fails."""
    return any(e.of_run or (isinstance(e.value, str) and e.value in FAILURES) for e in case.expect or ())


def _judge_findings(case: Case, expansion: Expansion, allowances: Sequence[Allowance]) -> list[Problem]:
    expected = {e.task_id for e in case.expect or () if isinstance(e.value, str) and e.value in FAILURES}
    problems = []
    for finding in split_findings(expansion.findings, allowances)[0]:
        task_id = finding.message.split(" ", 1)[0]  # these findings begin with the task that Airflow fails
        if finding.rule in DECISIVE_RULES and task_id not in expected:
            meant = f"{task_id}: {expansion[task_id].state}"
            problems.append(
                Problem(case.location, f"{finding}\n  next: or, if that is meant, expect {meant}")
            )
    return problems


def _judge_one(
    expectation: Expectation, expansion: Expansion, states: Mapping[str, str], run: Run | None
) -> str | None:
    """Say how one expectation does not hold; None if it does."""
    if expectation.of_run:
        return _differ(expectation.value, run.state) if run is not None else "only a run has a state"
    task = expansion.by_id.get(expectation.task_id)
    if task is None:
        known = suggest(expectation.task_id, expansion.by_id)
        return f"there is no task {expectation.task_id!r} in DAG {expansion.dag_id!r}; {known}"
    if expectation.index is None:
        return _judge_task(expectation.value, task, states)
    if not task.mapped:
        return f"{task.task_id} is not mapped, so it has no index\n  next: write {task.task_id!r}"
    if task.count is None or expectation.index >= task.count:
        return f"there is no such instance: {_describe_range(task)}"
    if isinstance(expectation.value, str):
        return _differ(expectation.value, states.get(format_key(task.task_id, expectation.index), "none"))
    return _judge_inputs(expectation, task[expectation.index], expansion)


def _judge_task(value: int | str, task: TaskExpansion, states: Mapping[str, str]) -> str | None:
    if isinstance(value, str):
        return _judge_state(value, task, states)
    if task.count == value:
        return None
    got = "an unknown number" if task.count is None else str(task.count)
    return f"expected {count_of(value, 'instance')}, got {got}{_because(task)}"


def _judge_state(state: str, task: TaskExpansion, states: Mapping[str, str]) -> str | None:
    """Compare the state of a task: that of all its instances, or of the one that was never expanded."""
    found = {key: states.get(key, "none") for key in task.nodes}
    if set(found.values()) == {state}:
        return None
    if len(found) == 1:
        return f"{_differ(state, next(iter(found.values())))}{_because(task)}"
    numbers = ", ".join(f"{number} {name}" for name, number in Counter(found.values()).most_common())
    first = next(key for key, name in found.items() if name != state)
    return f"expected every instance to be {state}, got {numbers}; the first other one is {first}"


def _differ(expected: str, got: str) -> str | None:
    return None if expected == got else f"expected {expected}, got {got}"


def _because(task: TaskExpansion) -> str:
    return f" ({task.reason})" if task.reason else ""


def _describe_range(task: TaskExpansion) -> str:
    if task.count is None:
        return f"how many {task.task_id} has is not known from the given{_because(task)}"
    if task.count == 0:
        return f"{task.task_id} has none{_because(task)}"
    if task.count == 1:
        return f"{task.task_id} has 1, {format_key(task.task_id, 0)}"
    first, last = format_key(task.task_id, 0), format_key(task.task_id, task.count - 1)
    return f"{task.task_id} has {task.count}, {first} to {last}"


def _judge_inputs(expectation: Expectation, instance: Instance, expansion: Expansion) -> str | None:
    """Compare the inputs that are written; others may exist."""
    messages = []
    for name, expected in expectation.value.items():
        if str(name) not in instance.inputs:
            messages.append(_describe_missing_input(str(name), instance))
        elif holds_unknown(got := instance.inputs[str(name)]):
            messages.append(_describe_unknown_input(str(name), instance, expansion))
        elif not agree(expected, got):
            messages.append(f"expected {name} to be {show(expected)}, got {show(got)}")
    return "\n  ".join(messages) or None


def _describe_missing_input(name: str, instance: Instance) -> str:
    if not instance.inputs:
        return f"the instance has no input {name!r}, it has none at all; its state is {instance.state}"
    return f"the instance has no input {name!r}; {suggest(name, instance.inputs)}"


def _describe_unknown_input(name: str, instance: Instance, expansion: Expansion) -> str:
    upstream = list(dict.fromkeys(parse_key(key)[0] for key in expansion.upstream(instance.key)))
    outputs = f"give the outputs of {', '.join(upstream)}, or " if upstream else ""
    return f"{name} is not known from the given\n  next: {outputs}execute the case with run: true"


def holds_unknown(value: Any) -> bool:
    """Tell whether something in *value* cannot be told without running the DAG."""
    if isinstance(value, Mapping):
        return any(holds_unknown(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return any(holds_unknown(item) for item in value)
    return isinstance(value, Unknown)


def agree(written: Any, got: Any) -> bool:
    """
    Tell whether a value written in YAML means the one that an instance got.

    A list stands for a tuple too, and a text for whatever YAML cannot hold: a date, a path, a decimal. True
    is not 1; the order of a mapping's keys does not matter.
    """
    if isinstance(written, bool) or isinstance(got, bool):
        return written is got
    if isinstance(written, Mapping):
        return isinstance(got, Mapping) and written.keys() == got.keys() and _all_agree(written, got)
    if isinstance(written, list):
        return isinstance(got, (list, tuple)) and len(written) == len(got) and all(map(agree, written, got))
    if isinstance(written, str) and not isinstance(got, (str, int, float, list, tuple, Mapping, type(None))):
        return written.replace("Z", "+00:00") in _write(got) or written in _write(got)
    return bool(written == got)


def _all_agree(written: Mapping[Any, Any], got: Mapping[Any, Any]) -> bool:
    return all(agree(item, got[key]) for key, item in written.items())


def _write(value: Any) -> set[str]:
    """Give the texts that stand for an object: its own, and its ISO form if it has one."""
    texts = {str(value)}
    if hasattr(value, "isoformat"):
        texts.add(str(value.isoformat()))
    return texts
