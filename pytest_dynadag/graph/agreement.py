"""Whether what was observed is what was planned."""

from __future__ import annotations

from pytest_dynadag.findings import Finding, add_references
from pytest_dynadag.graph.diff import compare
from pytest_dynadag.graph.expansion import Expansion

_REMEDY = (
    "plan with given=run.xcoms, what the run's tasks returned; if that was given, one of the two is wrong about "
    "Airflow: please report it with both"
)


class DisagreementError(AssertionError):
    """A *plan* and what was *observed* that are not the same; *difference* says how, *findings* is DYN306."""

    def __init__(self, plan: Expansion, observed: Expansion) -> None:
        self.plan, self.observed = plan, observed
        self.difference = compare(plan, observed)
        lines = "".join(f"\n  {line}" for line in str(self.difference).splitlines())
        message = f"plan and run of DAG {plan.dag_id!r} disagree, from plan to run:{lines}"
        self.findings = (Finding("DYN306", plan.dag_id, None, message, _REMEDY),)
        super().__init__(add_references(str(self.findings[0]), self.findings))


def check_agreement(plan: Expansion, observed: Expansion) -> None:
    """Raise `DisagreementError` unless both have the same instances, inputs and edges."""
    if plan != observed:
        raise DisagreementError(plan, observed)
