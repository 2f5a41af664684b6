"""What can keep a run from starting, or from finishing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_dynadag.errors import DynadagError
from pytest_dynadag.findings import Finding, add_references
from pytest_dynadag.location import Location


class StuckRunError(DynadagError):
    """
    A run that cannot finish: nothing can be started, and something waits.

    *waiting* maps an instance key to its state, *reasons* to Airflow's own words; *findings* are what tasks made
    while they ran, which may be what the others wait for.
    """

    findings: tuple[Finding, ...] = ()

    def __init__(self, dag_id: str, waiting: Mapping[str, str], reasons: Mapping[str, Sequence[str]]) -> None:
        self.dag_id = dag_id
        self.waiting = dict(waiting)
        self.reasons = {key: tuple(why) for key, why in reasons.items()}
        super().__init__(describe_stuck(dag_id, self.waiting, self.reasons))

    def add_findings(self, findings: tuple[Finding, ...]) -> None:
        """Carry what was found in the tasks that did run, and say it."""
        self.findings = findings
        told = describe_stuck(self.dag_id, self.waiting, self.reasons)
        self.args = (add_references("\n".join([told, *map(str, findings)]), findings),)


def describe_stuck(dag_id: str, waiting: Mapping[str, str], reasons: Mapping[str, Sequence[str]]) -> str:
    """Compose the message of a `StuckRunError`: who waits, in which state, and for what."""
    many = "1 instance waits" if len(waiting) == 1 else f"{len(waiting)} instances wait"
    lines = [f"the run of {dag_id!r} cannot finish: {many} for something that never comes"]
    width = max((len(key) for key in waiting), default=0)
    for key, state in waiting.items():
        lines.append(f"  {key:<{width}}  state {state}")
        lines.extend(f"  {'':<{width}}  {why}" for why in reasons.get(key, ()))
    first = next(iter(waiting), "task")
    lines.append(
        f"  next: give the task an output, given={{{first!r}: ...}}, or a state, states={{{first!r}: 'skipped'}}"
    )
    return "\n".join(lines)


class ParamsError(DynadagError):
    """
    A param that keeps a DAG from running: *name*, *why* in the words of its schema.

    *given* is a tuple with the value that was given, empty where none was.
    """

    def __init__(self, dag_id: str, name: str, given: tuple[object, ...], why: str) -> None:
        self.dag_id, self.name, self.given, self.why = dag_id, name, given, why
        what = f"{given[0]!r} is not allowed" if given else "no value is given"
        super().__init__(
            f"params[{name!r}] of DAG {dag_id!r}: {what}: {why}\n"
            f"  next: pass params={{{name!r}: ...}} with a value that the Param's schema accepts"
        )


class AirflowRaisedError(DynadagError):
    """
    An exception that left Airflow's own code around the tasks: nothing that a task raised.

    *error* is the exception, *location* the line of Airflow it comes from, if known.
    """

    def __init__(self, dag_id: str, error: BaseException, location: Location | None) -> None:
        self.dag_id, self.error, self.location = dag_id, error, location
        where = f"\n  raised at {location}" if location else ""
        text = f": {error}" if str(error) else ""
        super().__init__(
            f"Airflow itself failed to run {dag_id!r}: {type(error).__name__}{text}{where}\n"
            f"  next: see whether `airflow dags test {dag_id}` ends the same way"
        )
