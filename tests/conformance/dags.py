# Written as people write DAGs:
# ruff: noqa: ANN001, ANN003, ANN201, ANN202, D103, D403, DTZ001, AIR001, ICN001
"""
82 DAGs, one dynamic-task-mapping feature each; they load in every Airflow that we support.

Every case is a function whose docstring says, in one line, what the DAG shows. ``@case`` builds the DAG and puts it
in ``CASES``; a case that Airflow refuses while the file is parsed goes to ``PARSE_ERRORS`` instead. What ``dag.test()``
did with them stands in ``observed-*.json``, with ``[core] max_map_length`` at 5.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

try:  # Airflow 3
    from airflow.providers.standard.operators.empty import EmptyOperator
    from airflow.providers.standard.operators.python import PythonOperator
    from airflow.sdk import DAG, get_current_context, task, task_group

    AIRFLOW_3 = True
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.decorators import task, task_group
    from airflow.operators.empty import EmptyOperator
    from airflow.operators.python import PythonOperator, get_current_context

    AIRFLOW_3 = False

try:  # Airflow 3.2
    from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
except ImportError:
    from airflow.exceptions import AirflowFailException, AirflowSkipException

CASES: dict[str, DAG] = {}
PARSE_ERRORS: dict[str, str] = {}
SHOWS: dict[str, str] = {}
LEAKED_GROUP_CONTEXTS: dict[str, int] = {}


def case(build: Callable[[], Any]) -> Callable[[], Any]:
    """Build one DAG named after the function; remember it, or the error Airflow raised."""
    name = build.__name__
    SHOWS[name] = (build.__doc__ or "").strip()
    # A half-built DAG of a refused case must not be collected.
    with DAG(
        name, schedule=None, start_date=datetime.datetime(2024, 1, 1), catchup=False, auto_register=False
    ) as dag:
        try:
            build()
        except Exception as error:
            PARSE_ERRORS[name] = f"{type(error).__name__}: {error}"
    if name not in PARSE_ERRORS:
        CASES[name] = dag
        globals()[f"dag_{name}"] = dag
    leaked = drop_leaked_group_contexts()
    if leaked:
        LEAKED_GROUP_CONTEXTS[name] = leaked
    return build


def drop_leaked_group_contexts() -> int:
    """Undo a task group left open by an error in ``MappedTaskGroup.__exit__`` (defect B5)."""
    if AIRFLOW_3:
        from airflow.sdk.definitions._internal.contextmanager import TaskGroupContext

        leaked = len(TaskGroupContext._context)
        TaskGroupContext._context.clear()
        return leaked
    from airflow.utils.task_group import TaskGroupContext

    leaked = 1 if TaskGroupContext._context_managed_task_group else 0
    TaskGroupContext._context_managed_task_group = None
    TaskGroupContext._previous_context_managed_task_groups = []
    TaskGroupContext.active = False
    return leaked


# ---------------------------------------------------------------------------------------------
# Tasks shared by the cases
# ---------------------------------------------------------------------------------------------


@task
def produce(v):
    return v


@task
def echo(x):
    return x


@task
def pair(a=None, b=None):
    return [a, b]


@task
def collect(x):
    """Return the type and the items of what the task got, e.g. ``list=[1, 2]``."""
    try:
        return f"{type(x).__name__}={list(x)!r}"
    except TypeError:
        return f"{type(x).__name__}={x!r}"


@task
def fail():
    raise AirflowFailException("f")


@task
def skip():
    raise AirflowSkipException("s")


@task
def fail_on_two(x):
    if x == 2:
        raise AirflowFailException("f")
    return x


def named(decorated, task_id: str, **kwargs):
    """Short for ``decorated.override(task_id=...)``."""
    return decorated.override(task_id=task_id, **kwargs)


# ---------------------------------------------------------------------------------------------
# Cross products: which index gets which values
# ---------------------------------------------------------------------------------------------


@case
def cross_literal():
    """Cross product of two literals: the last keyword varies fastest."""
    pair.expand(a=[1, 2], b=["x", "y", "z"])


@case
def cross_literal_reversed():
    """The order is that of the keywords in the expand() call, not of the function's signature."""
    pair.expand(b=["x", "y", "z"], a=[1, 2])


@case
def cross_xcom_then_literal():
    """An XCom and a literal mix without changing the order."""
    pair.expand(a=produce([1, 2]), b=["x", "y", "z"])


@case
def cross_literal_then_xcom():
    """The same, XCom last: the XCom varies fastest."""
    pair.expand(b=["x", "y", "z"], a=produce([1, 2]))


@case
def dict_literal():
    """A literal dict expands to (key, value) tuples."""
    echo.expand(x={"k": 1, "l": 2})


@case
def dict_xcom():
    """A dict from XCom expands to (key, value) tuples."""
    echo.expand(x=produce({"k": 1, "l": 2}))


# ---------------------------------------------------------------------------------------------
# expand_kwargs
# ---------------------------------------------------------------------------------------------


@case
def kwargs_literal():
    """expand_kwargs over a literal list: the keys may differ from item to item."""
    pair.expand_kwargs([{"a": 1}, {"b": 2}, {"a": 3, "b": 4}])


@case
def kwargs_xcom():
    """expand_kwargs over a list from XCom."""
    pair.expand_kwargs(produce([{"a": 1}, {"b": 2}]))


@case
def kwargs_literal_with_xcom_element():
    """One element of the literal list is itself an XCom; the length is still that of the literal."""
    pair.expand_kwargs([{"a": 1, "b": 2}, produce({"a": 7})])


@case
def kwargs_map():
    """expand_kwargs over .map() of an XCom."""
    pair.expand_kwargs(produce([1, 2]).map(lambda v: {"a": v, "b": v * 10}))


@case
def kwargs_duplicate_partial():
    """A key given in partial() and again in expand_kwargs fails each index at run time."""
    pair.partial(a=1).expand_kwargs(produce([{"a": 5, "b": 6}]))


# ---------------------------------------------------------------------------------------------
# zip, concat, map
# ---------------------------------------------------------------------------------------------


@case
def zip_truncates():
    """zip stops at the shortest input."""
    echo.expand(x=named(produce, "p")([1, 2, 3]).zip(named(produce, "q")(["a", "b"])))


@case
def zip_fillvalue():
    """zip with a fillvalue pads to the longest input."""
    echo.expand(x=named(produce, "p")([1, 2, 3]).zip(named(produce, "q")(["a", "b"]), fillvalue="?"))


@case
def zip_cross_last():
    """A zip inside a cross product, not the first keyword."""
    pair.expand(b=["x", "y"], a=named(produce, "p")([1, 2, 3]).zip(named(produce, "q")([4, 5])))


@case
def concat_lists():
    """concat puts the items of one input after those of the other."""
    echo.expand(x=named(produce, "p")([1, 2]).concat(named(produce, "q")(["a", "b", "c"])))


@case
def concat_dict():
    """concat of a dict yields its keys, not (key, value) tuples."""
    echo.expand(x=named(produce, "p")({"k": 1}).concat(named(produce, "q")([3])))


@case
def concat_cross_first():
    """concat as the first keyword of a cross product works."""
    pair.expand(a=named(produce, "p")([1, 2]).concat(named(produce, "q")([3])), b=["x", "y"])


@case
def concat_cross_last():
    """concat as a later keyword: 3.3.2 fails every index past the first block (defect B2)."""
    pair.expand(b=["x", "y"], a=named(produce, "p")([1, 2]).concat(named(produce, "q")([3])))


@case
def map_chained():
    """Two .map() calls are applied in order, on the worker."""
    echo.expand(x=produce([1, 2, 3]).map(lambda v: v * 10).map(lambda v: v + 1))


@case
def map_skips_index():
    """.map() may skip an index by raising AirflowSkipException; the length does not change."""

    def skip_even(v):
        if v % 2 == 0:
            raise AirflowSkipException("even")
        return v

    collect(echo.expand(x=produce([1, 2, 3]).map(skip_even)))


@case
def map_over_dict():
    """.map() over a dict fails every index with KeyError: the dict is looked up by position."""
    echo.expand(x=produce({"k": 1, "l": 2}).map(lambda item: item))


# ---------------------------------------------------------------------------------------------
# Mapped task feeding a mapped task
# ---------------------------------------------------------------------------------------------


@case
def mapped_to_mapped():
    """A mapped task expands over the results of another mapped task."""
    m1 = named(echo, "m1").expand(x=produce([1, 2]))
    m2 = named(echo, "m2").expand(x=m1)
    pair.expand(a=m1, b=m2)


@case
def none_results_compacted():
    """Indexes that return None vanish downstream: down[1] gets the value of odd[2]."""

    @task
    def odd(x):
        return x if x % 2 else None

    results = odd.expand(x=[1, 2, 3, 4])
    named(echo, "down").expand(x=results)
    collect(results)


@case
def some_indexes_failed():
    """Failed and skipped indexes vanish too; only rules such as all_done go on downstream."""

    @task
    def m1(x):
        if x == 2:
            raise AirflowFailException("f")
        if x == 3:
            raise AirflowSkipException("s")
        return x

    results = m1.expand(x=[1, 2, 3, 4])
    collect(results)
    named(collect, "collect_done", trigger_rule="all_done")(results)
    named(echo, "m2_done", trigger_rule="all_done").expand(x=results)
    named(echo, "m2").expand(x=results)


@case
def mapped_after_mapped():
    """m1 >> m2 between mapped tasks is all-to-all; the counts need not match."""
    m1 = named(echo, "m1").expand(x=[1, 2])
    m2 = named(echo, "m2").expand(x=[1, 2, 3])
    m1 >> m2


@case
def lazy_sequence():
    """What a plain task gets from a mapped one is a lazy sequence, not a list."""

    @task
    def use(v):
        return [type(v).__name__, len(v), v[0], v[-1], list(v[1:]), isinstance(v, list)]

    use(echo.expand(x=[1, 2, 3]))


# ---------------------------------------------------------------------------------------------
# Zero length
# ---------------------------------------------------------------------------------------------


@case
def zero_literal():
    """An empty literal: one placeholder [-1], skipped."""
    collect(echo.expand(x=[]))


@case
def zero_xcom():
    """An empty XCom: the placeholder is skipped; none_failed and all_done run on nothing."""
    results = echo.expand(x=produce([]))
    collect(results)
    named(collect, "collect_none_failed", trigger_rule="none_failed")(results)
    named(collect, "collect_done", trigger_rule="all_done")(results)


@case
def zero_chain():
    """A mapped task over a zero-length mapped task is skipped, whatever its trigger rule."""
    results = echo.expand(x=produce([]))
    named(echo, "m2").expand(x=results)
    named(echo, "m3", trigger_rule="all_done").expand(x=results)


# ---------------------------------------------------------------------------------------------
# Failed and skipped upstream tasks
# ---------------------------------------------------------------------------------------------


@case
def source_skipped():
    """A skipped mapping source skips the mapped task unexpanded, even under all_done."""
    source = skip()
    echo.expand(x=source)
    named(echo, "m_done", trigger_rule="all_done").expand(x=source)


@case
def source_failed():
    """A failed mapping source gives upstream_failed, even under all_done."""
    source = fail()
    echo.expand(x=source)
    named(echo, "m_done", trigger_rule="all_done").expand(x=source)


@case
def one_of_two_sources_failed():
    """One failed source out of two is enough."""
    pair.override(trigger_rule="all_done").expand(a=produce([1, 2]), b=fail())


@case
def other_upstream_failed():
    """A failed upstream that is not a source: the task is never expanded, [-1] upstream_failed."""
    mapped = echo.expand(x=produce([1, 2]))
    fail() >> mapped


@case
def other_upstream_failed_literal():
    """The same over a literal: already expanded, so every index is upstream_failed."""
    mapped = echo.expand(x=[1, 2])
    fail() >> mapped
    collect(mapped)


# ---------------------------------------------------------------------------------------------
# Values that cannot be mapped
# ---------------------------------------------------------------------------------------------


@case
def source_returns_none():
    """The source fails: XComForMappingNotPushed."""
    echo.expand(x=produce(None))


@case
def source_returns_str():
    """The source fails: UnmappableXComTypePushed."""
    echo.expand(x=produce("abc"))


@case
def source_returns_int():
    """The source fails: UnmappableXComTypePushed."""
    echo.expand(x=produce(3))


@case
def source_returns_set():
    """The source fails: UnmappableXComTypePushed."""

    @task
    def source():
        return {1, 2}

    echo.expand(x=source())


@case
def source_returns_range():
    """A range passes the type check but cannot be serialized."""

    @task
    def source():
        return range(2)

    echo.expand(x=source())


@case
def source_returns_tuple():
    """A tuple can be mapped."""
    echo.expand(x=produce((1, 2)))


@case
def source_returns_generator():
    """The source fails, with another error in each version."""

    @task
    def source():
        return (i for i in range(2))

    echo.expand(x=source())


@case
def source_without_xcom_push():
    """do_xcom_push=False on a mapping source: XComForMappingNotPushed."""

    @task(do_xcom_push=False)
    def source():
        return [1, 2]

    echo.expand(x=source())


@case
def source_multiple_outputs():
    """A source with multiple_outputs is mapped over its whole dict."""

    @task(multiple_outputs=True)
    def source():
        return {"a": 1, "b": 2}

    echo.expand(x=source())


# ---------------------------------------------------------------------------------------------
# Refused while parsing
# ---------------------------------------------------------------------------------------------


@case
def expand_str():
    """expand() over a str is refused."""
    echo.expand(x="abc")


@case
def expand_set():
    """expand() over a set is refused."""
    echo.expand(x={1, 2})


@case
def expand_custom_key():
    """expand() over one key of a dict XCom is refused."""
    echo.expand(x=produce({"a": [1]})["a"])


# ---------------------------------------------------------------------------------------------
# [core] max_map_length (5 when observed)
# ---------------------------------------------------------------------------------------------


@case
def length_limit_xcom():
    """6 items in one pushed XCom are over the limit: the source fails."""
    echo.expand(x=produce(list(range(6))))


@case
def length_limit_literal():
    """The limit does not apply to a literal of 6."""
    echo.expand(x=list(range(6)))


@case
def length_limit_cross():
    """Nor to the 9 instances of a 3 x 3 cross product."""
    pair.expand(a=produce([1, 2, 3]), b=[1, 2, 3])


# ---------------------------------------------------------------------------------------------
# map_index_template and Jinja
# ---------------------------------------------------------------------------------------------


@case
def label_set_while_running():
    """The label may use a context key that the task sets while it runs."""

    @task(map_index_template="{{ lbl }}-{{ task.op_kwargs['x'] }}")
    def t(x):
        get_current_context()["lbl"] = f"L{x}"
        return x

    t.expand(x=["a", "b"])


@case
def label_of_failed_index():
    """A failed index is labelled too."""

    @task(map_index_template="{{ task.op_kwargs['x'] }}")
    def t(x):
        if x == "b":
            raise AirflowFailException("f")
        return x

    t.expand(x=["a", "b"])


@case
def label_classic_operator():
    """map_index_template on a classic operator."""
    PythonOperator.partial(
        task_id="t",
        python_callable=lambda x: x,
        map_index_template="{{ task.op_kwargs['x'] }}|{{ ti.map_index }}",
    ).expand(op_kwargs=[{"x": 1}, {"x": 2}])


@case
def jinja_in_literal():
    """Jinja in an expand() literal is rendered per index."""
    PythonOperator.partial(task_id="t", python_callable=lambda x: x).expand(
        op_kwargs=[{"x": "{{ ti.map_index }}"}, {"x": "{{ ds[:2] }}"}]
    )


@case
def jinja_in_xcom():
    """Jinja in an argument of the producer is rendered there; pulled values are not rendered."""
    echo.expand(x=produce(["{{ ti.map_index }}", "b"]))


@case
def classic_cross():
    """A classic operator: cross product of op_args (XCom, .map) and op_kwargs (literal)."""
    PythonOperator.partial(task_id="t", python_callable=lambda x, y=0: [x, y]).expand(
        op_args=produce([1, 2]).map(lambda v: [v]), op_kwargs=[{"y": 5}, {"y": 6}]
    )


# ---------------------------------------------------------------------------------------------
# Mapped task groups
# ---------------------------------------------------------------------------------------------


@case
def group_basic():
    """Every task of a mapped group has the count of the group; indexes line up 1:1."""

    @task_group
    def g(v):
        return named(echo, "b")(named(echo, "a")(v))

    collect(g.expand(v=produce([10, 20])))


@case
def group_literal_cross():
    """A group expanded over the cross product of two literals."""

    @task_group
    def g(v, w):
        return pair(a=v, b=w)

    collect(g.expand(v=[1, 2], w=["x", "y"]))


@case
def group_partial():
    """A group with partial()."""

    @task_group
    def g(v, w):
        return pair(a=v, b=w)

    collect(g.partial(v=9).expand(w=["x", "y"]))


@case
def group_expand_kwargs():
    """A group with expand_kwargs over an XCom."""

    @task_group
    def g(v, w):
        return pair(a=v, b=w)

    collect(g.expand_kwargs(produce([{"v": 1, "w": 2}, {"v": 3, "w": 4}])))


@case
def group_indexwise_rules():
    """Index 1 fails: one_failed and one_success are index-wise in 3.3.2, broad in 2.11.2."""

    @task_group
    def g(v):
        first = fail_on_two(v)
        named(echo, "c_done", trigger_rule="all_done")(first)
        named(echo, "d_one_failed", trigger_rule="one_failed")(first)
        named(echo, "e_one_success", trigger_rule="one_success")(first)
        return named(echo, "b")(first)

    collect.override(trigger_rule="all_done")(g.expand(v=[1, 2, 3]))


@case
def group_zero_xcom():
    """A group over an empty XCom: all its tasks skipped; an all_done collector gets None."""

    @task_group
    def g(v):
        return named(echo, "b")(named(echo, "a")(v))

    collect.override(trigger_rule="all_done")(g.expand(v=produce([])))


@case
def group_zero_literal():
    """The same over an empty literal."""

    @task_group
    def g(v):
        return named(echo, "b")(named(echo, "a")(v))

    collect.override(trigger_rule="all_done")(g.expand(v=[]))


@case
def group_source_skipped():
    """A skipped source skips all tasks of the group, also those under all_done."""

    @task_group
    def g(v):
        return named(echo, "b", trigger_rule="all_done")(named(echo, "a")(v))

    g.expand(v=skip())


@case
def group_plain_inner_group():
    """A plain group inside a mapped group."""

    @task_group
    def inner(q):
        return named(echo, "b")(named(echo, "a")(q))

    @task_group
    def g(v):
        return inner(v)

    collect(g.expand(v=produce([1, 2])))


@case
def group_expand_inside():
    """A mapped task inside a mapped group is refused."""

    @task_group
    def g(v):
        return echo.expand(x=[1, 2])

    g.expand(v=[1, 2])


@case
def group_expand_inside_over_argument():
    """The same, mapped over the group's argument."""

    @task_group
    def g(v):
        return echo.expand(x=v)

    g.expand(v=[[1], [2]])


@case
def group_scalar_then_expand():
    """Mapping over a group's scalar output: the task in the group fails, it is not a MappedOperator."""

    @task_group
    def g(v):
        return named(echo, "a")(v)

    named(echo, "m").expand(x=g.expand(v=[1, 2]))


@case
def group_list_then_expand():
    """Mapping over a group's list output: the length is never known, so upstream_failed."""

    @task_group
    def g(v):
        return named(echo, "a")(v)

    named(echo, "m").expand(x=g.expand(v=[[1], [2, 3]]))


@case
def group_collects_other_group():
    """A mapped group that consumes another one gets its whole output in every index."""

    @task_group
    def g1(v):
        return named(echo, "a")(v)

    @task_group
    def g2(v, w):
        return pair(a=v, b=collect(w))

    g2.partial(w=g1.expand(v=[1, 2, 3])).expand(v=["x", "y"])


@case
def group_reads_outside_task():
    """Every index of the group reads the same plain task outside."""
    outside = named(produce, "out")(99)

    @task_group
    def g(v):
        return pair(a=v, b=outside)

    g.expand(v=[1, 2])


@case
def group_after_group():
    """g1 >> g2 between mapped groups."""

    @task_group
    def g1(v):
        return named(echo, "a")(v)

    @task_group
    def g2(v):
        return named(echo, "a")(v)

    g1.expand(v=[1, 2]) >> g2.expand(v=[1, 2])


@case
def group_setup_teardown():
    """Setup and teardown in a mapped group."""

    @task_group
    def g(v):
        setup = named(echo, "s")(v).as_setup()
        work = named(echo, "w")(setup)
        teardown = named(echo, "td")(setup).as_teardown(setups=setup)
        work >> teardown

    g.expand(v=[1, 2])


# ---------------------------------------------------------------------------------------------
# Nested mapped groups (defect B3)
# ---------------------------------------------------------------------------------------------


@case
def nested_pull_from_outer():
    """The inner group reads a task of the outer one: 3.3.2 pulls the wrong index."""

    @task_group
    def inner(q, o):
        return pair(a=q, b=o)

    @task_group
    def outer(v):
        return inner.partial(o=named(echo, "u")(v)).expand(q=["x", "y"])

    collect(outer.expand(v=[1, 2, 3]))


@case
def nested_outer_argument():
    """The inner group uses the outer group's argument: wrong values in both versions."""

    @task_group
    def inner(q, o):
        return named(echo, "w")(pair(a=q, b=o))

    @task_group
    def outer(v):
        return inner.partial(o=v).expand(q=["x", "y"])

    collect(outer.expand(v=[1, 2, 3]))


@case
def nested_over_outer_argument():
    """The inner group expands over the outer argument: refused at parse in 3.3.2, at run in 2.11.2."""

    @task_group
    def inner(q):
        return echo(q)

    @task_group
    def outer(v):
        return inner.expand(q=v)

    outer.expand(v=[[1], [2]])


# ---------------------------------------------------------------------------------------------
# Branching
# ---------------------------------------------------------------------------------------------


@case
def branch_in_group():
    """A branch inside a mapped group: 3.3.2 skips nothing (defect B1)."""

    @task.branch
    def br(v):
        return "g.odd" if v % 2 else "g.even"

    @task_group
    def g(v):
        odd = EmptyOperator(task_id="odd")
        even = EmptyOperator(task_id="even")
        join = EmptyOperator(task_id="j", trigger_rule="none_failed_min_one_success")
        br(v) >> [odd, even] >> join

    g.expand(v=[1, 2])


@case
def branch_skips_mapped():
    """A branch away from a mapped task: it stays unexpanded, [-1] skipped (and defect B6)."""

    @task.branch
    def br():
        return "other"

    mapped = echo.expand(x=produce([1, 2]))
    br() >> [mapped, EmptyOperator(task_id="other")]
    collect(mapped)


@case
def branch_mapped():
    """A mapped branch: a task runs if any index chose it."""

    @task.branch
    def br(x):
        return "t1" if x else "t2"

    br.expand(x=[0, 1]) >> [EmptyOperator(task_id="t1"), EmptyOperator(task_id="t2")]


@case
def short_circuit_mapped():
    """A mapped short circuit: one truthy index is enough."""

    @task.short_circuit
    def sc(x):
        return x

    sc.expand(x=[0, 1]) >> EmptyOperator(task_id="t1")


# ---------------------------------------------------------------------------------------------
# Trigger rule "always"
# ---------------------------------------------------------------------------------------------


@case
def always_over_xcom():
    """trigger_rule=always with an XCom mapping is refused."""
    echo.override(trigger_rule="always").expand(x=produce([1, 2]))


@case
def always_over_literal():
    """trigger_rule=always with a literal is fine."""
    echo.override(trigger_rule="always").expand(x=[1, 2])


@case
def always_in_group():
    """trigger_rule=always in a mapped group is refused, and leaves the group open (defect B5)."""

    @task_group
    def g(v):
        return named(echo, "a", trigger_rule="always")(v)

    g.expand(v=produce([1, 2]))
