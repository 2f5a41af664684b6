"""Given tasks: an operator that answers with what is given, in place of doing its work."""

# Only the innermost step is replaced, so that what Airflow does with a result stays Airflow's: pushing it,
# recording its length, splitting multiple outputs, skipping what a branch did not choose.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_dynadag.bridge.protocol import Bridge
from pytest_dynadag.graph.given import MISSING, Failed, Given, GivenFunctionError, Skipped, format_key
from pytest_dynadag.graph.planner import check_indexes

_INNERMOST = (("execute_callable", "aexecute_callable"), ("choose_branch",), ("execute",))
"""The method that does an operator's work: of Python operators, of branch operators, of all others."""

_CALLBACKS = ("execute", "success", "failure", "retry", "skipped")


class GivenTasks:
    """The tasks of a DAG that are given, and what each of their instances answers."""

    def __init__(self, airflow: Bridge, dag: Any, given: Given) -> None:
        self.airflow, self.dag, self.given = airflow, dag, given
        self.task_ids = frozenset(given.task_ids)
        self.problem: GivenFunctionError | None = None

    def covers(self, key: tuple[str, int]) -> bool:
        """Say whether an instance is given; where only some indexes are, the others are executed."""
        task_id, index = key
        if task_id not in self.task_ids:
            return False
        named = any(task_id == keyed for keyed, _ in self.given.keyed)
        return named or task_id in self.given.outputs or format_key(task_id, index) in self.given.outputs

    def arm(self, ti: Any, context: Any, key: tuple[str, int], inputs: Mapping[str, Any]) -> None:
        """
        Make the operator of an instance answer with what is given.

        *ti* must hold a copy of the DAG's operator, or the one made for a mapped instance: both families
        make one before they render, and throw it away afterwards.
        """
        operator = ti.task

        def given_output(*args: Any, **kwargs: Any) -> Any:
            return self._answer(ti, key, inputs)

        async def given_output_later(*args: Any, **kwargs: Any) -> Any:
            return self._answer(ti, key, inputs)

        names = next(names for names in _INNERMOST if hasattr(operator, names[0]))
        answers = (given_output, given_output_later)
        # Past the operator's __setattr__, which takes every assignment for a change of the DAG.
        vars(operator).update({**_silence(operator), **dict(zip(names, answers, strict=False))})
        _drop_unready_label(operator, context)

    def _answer(self, ti: Any, key: tuple[str, int], inputs: Mapping[str, Any]) -> Any:
        for name, value in self._other_xcoms(key).items():
            ti.xcom_push(key=name, value=value)
        output = self._output(key, inputs)
        if isinstance(output, Skipped):
            raise self.airflow.make_skip(output.why or "given as skipped")
        if isinstance(output, Failed):
            raise self.airflow.make_failure(output.why or "given as failed")
        return output

    def _output(self, key: tuple[str, int], inputs: Mapping[str, Any]) -> Any:
        task_id, index = key
        try:
            output = self.given.output_of(task_id, None if index < 0 else index, inputs)
        except GivenFunctionError as error:
            self.problem = self.problem or error
            raise
        if output is not MISSING:
            return output
        if task_id not in self.given.outputs:  # only other XComs are given
            return None
        raise self.airflow.make_failure(
            f"nothing is given for {format_key(*key)}"
        )  # `check` says it to the user

    def check(self, counts: Mapping[str, int]) -> None:
        """
        Refuse a given that has more or fewer entries than the run had instances.

        Raises:
            GivenError: See above.
            GivenFunctionError: A given function raised.
        """
        if self.problem is not None:
            raise self.problem
        for task_id in self.task_ids & counts.keys():
            check_indexes(self.dag.dag_id, self.given, task_id, counts[task_id])

    def _other_xcoms(self, key: tuple[str, int]) -> dict[str, Any]:
        task_id, index = key
        found = {name: value for (owner, name), value in self.given.keyed.items() if owner == task_id}
        # As for outputs, a list has one entry per index; anything else is the same for each.
        per_index = index >= 0
        return {
            name: value[index] if per_index and isinstance(value, list) else value
            for name, value in found.items()
        }


def _silence(operator: Any) -> dict[str, Any]:
    """Give the attributes that keep user code around an operator's work from running."""
    quiet: dict[str, Any] = {f"on_{name}_callback": () for name in _CALLBACKS}
    quiet.update(_pre_execute_hook=None, _post_execute_hook=None, execution_timeout=None)
    quiet.update(dict.fromkeys(("pre_execute", "post_execute"), _do_nothing))
    return {name: value for name, value in quiet.items() if hasattr(operator, name)}


def _do_nothing(*args: Any, **kwargs: Any) -> None:
    """Stand in for a hook."""


def _drop_unready_label(operator: Any, context: Any) -> None:
    """Leave an instance unlabelled where its `map_index_template` needs what only the task itself would set."""
    template = context.get("map_index_template")
    if template is None:
        return
    try:
        operator.dag.get_template_env().from_string(template).render(context)
    except Exception:
        context["map_index_template"] = None
