"""Random DAGs for both versions: what each task does as plain data, and the real DAG built from it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

try:  # Airflow 3
    from airflow.sdk import DAG, get_current_context, task, task_group
    from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.decorators import task, task_group
    from airflow.exceptions import AirflowFailException, AirflowSkipException
    from airflow.operators.python import get_current_context

RULES = [
    "all_success",
    "all_done",
    "all_failed",
    "all_skipped",
    "none_failed",
    "none_failed_min_one_success",
    "none_skipped",
    "one_success",
    "one_failed",
    "one_done",
]
UNMAPPABLE = [None, "text", 3, list(range(6))]
PLAIN = -1
"""The index of a task that is not mapped."""


@dataclass(frozen=True)
class Step:
    """
    One task, or one mapped group of tasks, of a random DAG.

    *kind* is plain, list (a task that returns *value*, to map over), mapped, group, branch, circuit, setup or
    teardown. *over* is what it is mapped over, *after* the positions of the steps it depends on besides. *ends* is how
    instances end that do not succeed, by index; *inner* are the tasks of a group. *skips_below* is a short circuit's
    `ignore_downstream_trigger_rules`, *of* the setup of a teardown.
    """

    kind: str
    rule: str = "all_success"
    value: Any = None
    over: tuple[Any, ...] = ()
    after: tuple[int, ...] = ()
    ends: dict[int, str] = field(default_factory=dict)
    inner: tuple[Step, ...] = ()
    skips_below: bool = False
    of: int = 0


# -- drawing ----------------------------------------------------------------------------------------


def endings(*indexes: int) -> st.SearchStrategy[dict[int, str]]:
    """Let few instances end otherwise than in success with an output."""
    ends = st.sampled_from(["failed", "skipped", "none"])
    return st.dictionaries(st.sampled_from(indexes), ends, max_size=2)


def rules() -> st.SearchStrategy[str]:
    """Choose the usual trigger rule more often than others."""
    return st.sampled_from(["all_success"] * 6 + RULES)


def some_of(positions: list[int]) -> st.SearchStrategy[tuple[int, ...]]:
    """Choose up to two of some earlier steps."""
    chosen = st.lists(st.sampled_from(positions), max_size=2, unique=True) if positions else st.just([])
    return chosen.map(lambda found: tuple(sorted(found)))


def sources(mappable: list[int]) -> st.SearchStrategy[Any]:
    """Choose something to map over: a literal, or the output of an earlier step, nested up to three deep."""
    literals = st.tuples(st.just("literal"), st.lists(st.integers(0, 9), max_size=4))
    return st.one_of(literals, nested(mappable), nested(mappable)) if mappable else literals


def nested(mappable: list[int]) -> st.SearchStrategy[Any]:
    """Choose the output of an earlier step: plain, mapped, zipped or concatenated."""
    outputs = st.tuples(st.just("output"), st.sampled_from(mappable))

    def wrap_again(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        one = st.tuples(st.sampled_from(["map", "skipping"]), inner)
        return one | st.tuples(st.sampled_from(["zip", "fill", "concat"]), inner, inner)

    return outputs | st.recursive(outputs, wrap_again, max_leaves=3)


def groups(mappable: list[int], after: tuple[int, ...]) -> st.SearchStrategy[Step]:
    """Choose a mapped group of one to four tasks, branches and short circuits among them."""

    def inner(at: int) -> st.SearchStrategy[Step]:
        return st.builds(
            Step,
            st.sampled_from(["plain", "plain", "plain", "branch", "circuit"]),
            rules(),
            value=st.integers(0, 1),
            after=some_of(list(range(at))),
            ends=endings(0, 1, 2, 3),
            skips_below=st.booleans(),
        )

    several = st.integers(1, 4).flatmap(lambda number: st.tuples(*map(inner, range(number))))
    over = st.lists(sources(mappable), min_size=1, max_size=2).map(tuple)
    return st.builds(
        Step, st.just("group"), over=over, after=st.just(after), inner=several, skips_below=st.booleans()
    )


def single(kind: str, after: tuple[int, ...], rule: st.SearchStrategy[str]) -> st.SearchStrategy[Step]:
    """Choose one task that is not mapped."""
    value: st.SearchStrategy[Any] = st.integers(0, 1)
    if kind == "list":
        lists = st.lists(st.integers(0, 9), max_size=4)
        value = lists | lists | st.sampled_from([{"k": 1, "l": 2}, *UNMAPPABLE])
    ends = st.just({}) if kind in ("branch", "circuit") else endings(PLAIN)
    return st.builds(
        Step, st.just(kind), rule, value, after=st.just(after), ends=ends, skips_below=st.booleans()
    )


@st.composite
def steps(draw: Any) -> tuple[Step, ...]:
    """Draw the steps of a DAG, upstream ones first."""
    made: list[Step] = []
    for position in range(draw(st.integers(2, 7))):
        kinds = [
            "plain",
            "list",
            "mapped",
            "mapped",
            "mapped",
            "group",
            "group",
            "branch",
            "circuit",
            "setup",
        ]
        setups = [at for at, step in enumerate(made) if step.kind == "setup"]
        kind = draw(st.sampled_from(kinds + ["teardown"] * bool(setups))) if made else "list"
        mappable = [at for at, step in enumerate(made) if step.kind in ("list", "mapped")]
        after = draw(some_of([at for at in range(position) if kind != "group" or at not in setups]))
        # Below a setup, Airflow allows the usual rule only.
        rule = (
            st.just("all_success") if set(after) & set(setups) or kind in ("setup", "teardown") else rules()
        )
        if kind == "mapped":
            over = tuple(draw(st.lists(sources(mappable), min_size=1, max_size=2)))
            made.append(Step(kind, draw(rule), over=over, after=after, ends=draw(endings(0, 1, 2, 3, 4))))
        elif kind == "group":
            made.append(draw(groups(mappable, after)))
        elif kind == "teardown":
            of = draw(st.sampled_from(setups))
            made.append(Step(kind, after=after, ends=draw(endings(PLAIN)), of=of))
        else:
            made.append(draw(single(kind, after, rule)))
    return tuple(made)


# -- what tasks do ----------------------------------------------------------------------------------


class Known:
    """How every instance of a DAG ends, and with what: looked up by the tasks, and given to the planner."""

    def __init__(self) -> None:
        self.ends: dict[str, dict[int, str]] = {}
        self.outputs: dict[str, Callable[[int], Any]] = {}

    def finish(self, task_id: str, index: int) -> Any:
        """End one instance as noted; called while it runs."""
        end = self.ends[task_id].get(index, "success")
        if end == "failed":
            raise AirflowFailException("meant to fail")
        if end == "skipped":
            raise AirflowSkipException("meant to be skipped")
        return None if end == "none" else self.outputs[task_id](index)

    def tell(self, task_id: str, index: int, failed: Any, skipped: Any) -> Any:
        """Tell the planner how an instance ends, in its words."""
        end = self.ends[task_id].get(index, "success")
        if end in ("failed", "skipped"):
            return failed if end == "failed" else skipped
        return None if end == "none" else self.outputs[task_id](index)


def wrap(value: Any) -> Any:
    """Change every item."""
    return ["wrapped", value]


def skip_threes(value: Any) -> Any:
    """Skip some items."""
    if value == 3 or str(value).endswith("-1"):
        raise AirflowSkipException("three")
    return value


# -- the real DAG -----------------------------------------------------------------------------------


class Builder:
    """
    Builds the real DAG of some steps.

    *dag* is the DAG, *known* how its instances end.
    """

    def __init__(self, made: tuple[Step, ...], dag_id: str = "random") -> None:
        self.known, self.group = Known(), ""
        self.done: list[Any] = []
        start = dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc)
        with DAG(dag_id, schedule=None, start_date=start, catchup=False) as self.dag:
            for position, step in enumerate(made):
                self.done.append(self._build(f"t{position}", step))
                for earlier in step.after:
                    self.done[earlier] >> self.done[position]
        self.below = {name: sorted(node.downstream_task_ids) for name, node in self.dag.task_dict.items()}

    def _build(self, name: str, step: Step) -> Any:
        if step.kind == "group":
            return self._build_group(name, step)
        if step.kind == "mapped":
            template = "{{ task.op_kwargs['a'] }}" if int(name[1:]) % 2 else None
            decorated = self._decorate(name, step, lambda at: f"{name}-{at}", map_index_template=template)
            return decorated.expand(**self._arguments(step))
        made = self._decorate(name, step, lambda _: step.value)()
        if step.kind == "setup":
            return made.as_setup()
        return made.as_teardown(setups=self.done[step.of]) if step.kind == "teardown" else made

    def _build_group(self, name: str, step: Step) -> Any:
        """Build a mapped group, of which the first task takes the arguments."""
        done: list[Any] = []

        def inside(a: Any = None, b: Any = None) -> None:
            self.group = f"{name}."
            for at, inner in enumerate(step.inner):
                decorated = self._decorate(f"i{at}", inner, lambda index, at=at: f"{name}.i{at}-{index}")
                done.append(decorated(a=a, b=b) if at == 0 else decorated())
                for earlier in inner.after:
                    done[earlier] >> done[at]
            self.group = ""

        return task_group(group_id=name)(inside).expand(**self._arguments(step))

    def _decorate(self, name: str, step: Step, output: Callable[[int], Any], **options: Any) -> Any:
        """Give the decorated function of one task."""
        task_id, known = f"{self.group}{name}", self.known
        known.ends[task_id], known.outputs[task_id] = step.ends, output
        if step.kind == "branch":
            known.outputs[task_id] = lambda index: self._choose(task_id, step.value + max(index, 0))
        if step.kind == "circuit":
            known.outputs[task_id] = lambda index: bool((step.value + max(index, 0)) % 2)
            options["ignore_downstream_trigger_rules"] = step.skips_below

        def act(a: Any = None, b: Any = None) -> Any:
            ti = get_current_context()["ti"]
            return known.finish(ti.task_id, ti.map_index)

        decorators = {"branch": task.branch, "circuit": task.short_circuit}
        return decorators.get(step.kind, task)(task_id=name, trigger_rule=step.rule, **options)(act)

    def _choose(self, task_id: str, value: int) -> Any:
        """Let a branch go on with every other task below it."""
        below = self.below[task_id]
        return below[value % len(below) :: 2] if below else None

    def _arguments(self, step: Step) -> dict[str, Any]:
        return {name: self._source(over) for name, over in zip("ab", step.over, strict=False)}

    def _source(self, over: Any) -> Any:
        """Make what `expand` gets."""
        form, *rest = over
        if form == "literal":
            return rest[0]
        if form == "output":
            return self.done[rest[0]]
        first, *others = map(self._source, rest)
        if form in ("map", "skipping"):
            return first.map(wrap if form == "map" else skip_threes)
        if form == "concat":
            return first.concat(*others)
        return first.zip(*others, **({"fillvalue": "?"} if form == "fill" else {}))
