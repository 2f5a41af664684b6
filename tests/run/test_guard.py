"""The guard, held against real runs: what tasks create while they run, and what looks like it and is fine."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_dynadag.allowances import read_allowances
from pytest_dynadag.bridge.loading import bridge, load_file
from pytest_dynadag.errors import DynadagError
from pytest_dynadag.run.engines.direct import run_directly
from pytest_dynadag.run.guard import guarded
from pytest_dynadag.run.runner import ENGINES, Run, run_dag
from pytest_dynadag.run.stuck import StuckRunError

LoadDag = Callable[[str], Any]
LoadDags = Callable[[str], dict[str, Any]]

ROOT = Path(__file__).parents[2]

CREATORS = """
    def work(n):
        print(n)

    def new_operators(**kwargs):
        return [PythonOperator(task_id=f"new_{n}", python_callable=work, op_args=[n], **kwargs) for n in range(2)]

    def creates_plainly(ti):
        new_operators()

    def with_dag_argument(dag, ti, **_):
        for operator in new_operators(dag=dag):
            ti.task >> operator

    def dag_set_afterwards(dag, ti, **_):
        operators = new_operators()
        for operator in operators:
            operator.dag = dag
        ti.task >> operators

    def without_dag(ti, **_):
        ti.task >> new_operators()

    def inside_with_dag(dag, **_):
        with dag:
            PythonOperator(task_id="new", python_callable=work, op_args=[9])

    def task_in_task(**_):
        @task
        def inner(x):
            work(x)

        inner(5)

    def expand_in_task(**_):
        @task
        def inner(x):
            work(x)

        inner.expand(x=[1, 2])

    def classic_expand_in_task(**_):
        PythonOperator.partial(task_id="new", python_callable=work).expand(op_args=[[1], [2]])

    def new_dag_in_task(**_):
        with DAG("new_dag", schedule=None):
            PythonOperator(task_id="new", python_callable=work, op_args=[1])

    def bare_dag_in_task(**_):
        DAG("bare_dag", schedule=None)

    def dag_function_in_task(**_):
        @dag(schedule=None)
        def made():
            PythonOperator(task_id="new", python_callable=work, op_args=[1])

        made()  # called

    def executed_inline(**context):
        PythonOperator(task_id="inline", python_callable=work, op_args=["inline"]).execute(context)

    def executed_inline_and_returned(**context):
        operator = PythonOperator(task_id="inline", python_callable=work, op_args=["inline"])
        operator.execute(context)
        return [operator]

    def executed_inline_in_the_dag(dag, **context):
        PythonOperator(task_id="inline", python_callable=work, op_args=["inline"], dag=dag).execute(context)

    def operator_through_xcom(ti, **_):
        ti.xcom_push(key="operators", value=[BashOperator(task_id="new", bash_command="true")])

    def running_task_through_xcom(ti, **_):
        return {"me": (ti.task,)}

    def output_through_xcom(ti, **_):
        return [{"deep": ti.task.output}]

    def dag_through_xcom(dag, **_):
        return dag

    def dependency(dag, **_):
        dag.get_task("before") >> dag.get_task("after")

    def dependency_by_method(dag, **_):
        dag.get_task("after").set_upstream(dag.get_task("before"))

    def operator_that_exists_already(dag, **_):
        PythonOperator(task_id="before", python_callable=work, dag=dag)

    with DAG("guarded", **START):
        PythonOperator(task_id="before", python_callable=work, op_args=[0])
        PythonOperator(task_id="start", python_callable={name})
        PythonOperator(task_id="after", python_callable=work, op_args=[0])
"""


def shape(dag: Any) -> Any:
    """Give all that a task could change in a DAG object."""
    return (
        list(dag.task_dict),
        {task.task_id: (set(task.upstream_task_ids), set(task.downstream_task_ids)) for task in dag.tasks},
        list(dag.task_group.children),
        set(dag.task_group.used_group_ids),
        dict(dag.edge_info),
    )


def told(run: Run) -> list[str]:
    """Give the rules of a run's findings."""
    return [finding.rule for finding in run.findings]


def place_of(dag: Any, text: str) -> str:
    """Give file and line of the first line of a DAG's file that holds *text*."""
    lines = Path(dag.fileloc).read_text().splitlines()
    return f"{dag.fileloc}:{next(number for number, line in enumerate(lines, 1) if text in line)}"


@pytest.mark.parametrize(
    ("name", "rules", "state", "line"),
    [
        ("creates_plainly", ["DYN201"], "success", "return [PythonOperator("),
        ("with_dag_argument", ["DYN201"], "success", "return [PythonOperator("),
        ("dag_set_afterwards", ["DYN201"], "success", "return [PythonOperator("),
        ("without_dag", ["DYN201"], "success", "return [PythonOperator("),
        ("inside_with_dag", ["DYN201"], "success", "op_args=[9]"),
        ("task_in_task", ["DYN201"], "success", "inner(5)"),
        ("expand_in_task", ["DYN201"], "success", "inner.expand("),
        ("classic_expand_in_task", ["DYN201"], "success", ".expand(op_args="),
        ("new_dag_in_task", ["DYN204"], "success", 'DAG("new_dag"'),
        ("bare_dag_in_task", ["DYN204"], "success", 'DAG("bare_dag"'),
        ("dag_function_in_task", ["DYN204"], "success", "made()  # called"),
        ("executed_inline", [], "success", None),
        ("executed_inline_and_returned", ["DYN201", "DYN202"], "failed", "operator = PythonOperator("),
        ("executed_inline_in_the_dag", ["DYN201"], "success", "dag=dag).execute("),
        ("operator_through_xcom", ["DYN201", "DYN202"], "failed", "ti.xcom_push("),
        ("running_task_through_xcom", ["DYN202"], "failed", None),
        ("output_through_xcom", ["DYN202"], "failed", None),
        ("dag_through_xcom", ["DYN202"], "failed", None),
        ("dependency", ["DYN203"], "success", '"before") >> dag'),
        ("dependency_by_method", ["DYN203"], "success", "set_upstream("),
        (
            "operator_that_exists_already",
            ["DYN201"],
            "failed",
            'task_id="before", python_callable=work, dag=dag',
        ),
    ],
)
def test_every_way_to_create_something_is_noticed_once(
    load_dag: LoadDag, name: str, rules: list[str], state: str, line: str | None
) -> None:
    """Each rule is told once, with the creating line; Airflow's state stays its own, and a second run is the same."""
    dag = load_dag(CREATORS.replace("{name}", name))
    before = shape(dag)

    runs = [run_dag(dag), run_dag(dag)]

    for run in runs:
        assert rules == told(run)
        assert state == run.state
        assert (state == "success" and not rules) == run.success
        assert ["after", "before", "start"] == sorted(run.states)
    assert before == shape(dag)
    assert runs[0].findings == runs[1].findings
    if line is not None:
        assert {place_of(dag, line)} == {str(finding.location) for finding in runs[0].findings}


def test_an_operator_that_is_created(load_dag: LoadDag) -> None:
    """DYN201 says who made what, what Airflow does with it, and what to write instead, word for word."""
    dag = load_dag(CREATORS.replace("{name}", "with_dag_argument"))

    (finding,) = run_dag(dag).findings

    assert str(finding) == (
        f"""{place_of(dag, "return [PythonOperator(")}: DYN201 task 'start' makes 2 operators """
        "(PythonOperator: 'new_0', 'new_1') while it runs. Airflow never schedules them: task instances are made from the "
        "DAG as it was when the run began. The run ended success all the same\n"
        "  next: let 'start' return [[0], [1]], and write it once, in the DAG itself, expanded "
        "over that:\n"
        "    PythonOperator.partial(task_id='new', "
        "python_callable=work).expand(op_args=start.output)"
    )


def test_an_operator_that_goes_through_xcom(load_dag: LoadDag) -> None:
    """DYN202 says what became of storing it, in Airflow's words."""
    dag = load_dag(CREATORS.replace("{name}", "operator_through_xcom"))
    run = run_dag(dag)
    error = run.errors["start"].message.partition(". ")[0]  # in each version's own words
    _, finding = run.findings

    assert str(finding) == (
        f"""{place_of(dag, "ti.xcom_push(")}: DYN202 task 'start' pushes, as 'operators', an """
        "operator (BashOperator: 'new') through XCom. An XCom is data, and storing this failed "
        f"with TypeError: {error}\n"
        "  next: write it in the DAG itself, behind 'start'; where it is not always wanted, let a "
        "branch decide:\n"
        "    BashOperator(task_id='new', bash_command='true')"
    )


def test_a_dependency_that_is_set(load_dag: LoadDag) -> None:
    """DYN203 shows the dependency, and where it belongs."""
    dag = load_dag(CREATORS.replace("{name}", "dependency"))

    (finding,) = run_dag(dag).findings

    assert str(finding) == (
        f"""{place_of(dag, '"before") >> dag')}: DYN203 task 'start' sets a dependency while it """
        "runs (before >> after). Airflow takes dependencies from the DAG as it was when the run "
        "began: this changes neither this run nor a later one\n"
        "  next: set it in the DAG itself; where data decides what follows, let a branch "
        "(`@task.branch`) return the ids of the tasks to go on with:\n"
        "    before >> after"
    )


def test_a_dag_that_is_created(load_dag: LoadDag) -> None:
    """DYN204 tells the DAG with its tasks, and how they are made in this one."""
    dag = load_dag(CREATORS.replace("{name}", "new_dag_in_task"))

    (finding,) = run_dag(dag).findings

    assert str(finding) == (
        f"""{place_of(dag, 'DAG("new_dag"')}: DYN204 task 'start' makes DAG 'new_dag' with an """
        "operator (PythonOperator: 'new') while it runs. Airflow knows the DAGs that parsing a "
        "file gives, and no others: nothing is ever scheduled from this one\n"
        "  next: have its tasks in 'guarded'; write it in the DAG itself, behind 'start'; where it "
        "is not always wanted, let a branch decide:\n"
        "    PythonOperator(task_id='new', python_callable=work, op_args=[1])"
    )


# The remedy does what was wanted


@dataclass(frozen=True)
class Wish:
    """
    What somebody wants and tries in a task.

    In *text*, BODY stands in the task for what is tried, and later for what the remedy says it should return, and
    REMEDY for what the remedy says to write.
    """

    text: str
    body: str
    wanted: dict[str, Any]


WISHES = {
    "positional arguments, from what the task itself knows": Wish(
        """
        def work(n):
            return n * 10

        def create():
            BODY

        with DAG("wish", **START):
            create_all = PythonOperator(task_id="create_all", python_callable=create)
            REMEDY
        """,
        "[PythonOperator(task_id=f'work_{n}', python_callable=work, op_args=[n]) for n in (1, 2)]",
        {"work[0]": 10, "work[1]": 20},
    ),
    "positional arguments, from an upstream's list": Wish(
        """
        def upper(name):
            return name.upper()

        def create(ti):
            BODY

        with DAG("wish", **START):
            names = PythonOperator(task_id="names", python_callable=lambda: ["ada", "alan"])
            create_all = PythonOperator(task_id="create_all", python_callable=create)
            names >> create_all
            REMEDY
        """,
        "[PythonOperator(task_id=f'greet_{name}', python_callable=upper, op_args=[name]) "
        "for name in ti.xcom_pull(task_ids='names')]",
        {"greet[0]": "ADA", "greet[1]": "ALAN"},
    ),
    "several arguments of an operator of one's own": Wish(
        """
        class Copy(BaseOperator):
            def __init__(self, *, source, target, mode, **kwargs):
                super().__init__(**kwargs)
                self.source, self.target, self.mode = source, target, mode

            def execute(self, context):
                return f"{self.source} {self.mode} {self.target}"

        def create():
            BODY

        with DAG("wish", **START):
            create_all = PythonOperator(task_id="create_all", python_callable=create)
            REMEDY
        """,
        "[Copy(task_id='copy_' + one, source=one, target=one * 2, mode='to') for one in 'ab']",
        {"copy[0]": "a to aa", "copy[1]": "b to bb"},
    ),
    "a decorated function, with one argument that is the same": Wish(
        """
        with DAG("wish", **START):
            @task
            def names():
                return ["ada", "alan"]

            @task
            def greet(greeting, name):
                return f"{greeting}, {name}"

            @task
            def greet_all(found):
                BODY

            greet_all(names())
            REMEDY
        """,
        "[greet('hello', name) for name in found]",
        {"greet[0]": "hello, ada", "greet[1]": "hello, alan"},
    ),
    "a decorated function that is expanded in the task": Wish(
        """
        with DAG("wish", **START):
            @task
            def greet(greeting, name):
                return f"{greeting}, {name}"

            @task
            def greet_all():
                BODY

            REMEDY
        """,
        "greet.partial(greeting='hello').expand(name=['ada', 'alan'])",
        {"greet[0]": "hello, ada", "greet[1]": "hello, alan"},
    ),
    "an operator that is expanded in the task": Wish(
        """
        def greet(greeting, name):
            return f"{greeting}, {name}"

        def create():
            BODY

        with DAG("wish", **START):
            create_all = PythonOperator(task_id="create_all", python_callable=create)
            REMEDY
        """,
        "PythonOperator.partial(task_id='greet', python_callable=greet, op_args=['hello'])"
        ".expand(op_kwargs=[{'name': 'ada'}, {'name': 'alan'}])",
        {"greet[0]": "hello, ada", "greet[1]": "hello, alan"},
    ),
}


@pytest.mark.parametrize("name", WISHES)
def test_the_remedy_does_what_was_wanted(load_dag: LoadDag, name: str) -> None:
    """The code of a remedy, put into the DAG it was written for, gives the instances that were wanted."""
    wish = WISHES[name]
    tried = wish.text.replace("BODY", wish.body)
    # a decorated task has to be called to be in the DAG at all
    (finding,) = run_dag(
        load_dag(tried.replace("REMEDY", "greet_all()" if "greet_all():" in tried else ""))
    ).findings

    advice, code, *_ = (line.strip() for line in finding.remedy.splitlines())
    returned = advice.partition(" return ")[2].partition(", and write it")[0] or "None"
    run = run_dag(load_dag(wish.text.replace("BODY", f"return {returned}").replace("REMEDY", code)))

    assert run.success
    assert wish.wanted == {key: value for key, value in run.xcoms.items() if "[" in key}


@pytest.mark.parametrize(
    "functions",
    [
        "[lambda name=name: name.upper() for name in ('ada', 'alan')]",
        "[make(name) for name in ('ada', 'alan')]",
        "[functools.partial(greet, name=name) for name in ('ada', 'alan')]",
        "[greet, print]",
    ],
)
def test_functions_that_differ_become_one(load_dag: LoadDag, functions: str) -> None:
    """No XCom holds a function: the remedy says to write one that gets what differs, whatever kind they were."""
    dag = load_dag(
        """
        import functools

        def greet(name=""):
            return name

        def make(name):
            def shout():
                return name.upper()
            return shout

        def create():
            for n, each in enumerate(FUNCTIONS):
                PythonOperator(task_id=f"greet_{n}", python_callable=each)

        with DAG("functions", **START):
            PythonOperator(task_id="create", python_callable=create)
    """.replace("FUNCTIONS", functions)
    )

    (finding,) = run_dag(dag).findings

    assert finding.remedy == (
        "let 'create' return a list with what differs, and write it once, in the DAG itself, expanded over that:\n"
        "    PythonOperator.partial(task_id='greet', python_callable=work).expand(op_kwargs=create.output)\n"
        "    # work is a function of the file that does what those made in the task do"
    )


# What looks like it, and is fine

INNOCENT = """
    import sys
    try:
        from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
    except ImportError:
        from airflow.triggers.temporal import TimeDeltaTrigger

    def report(context):
        BashOperator(task_id="say", bash_command="true").execute(context)

    def poke_another(**context):
        Waits(task_id="inner").poke(context)

    def import_a_dag_file():
        source = "from airflow import DAG" if "airflow.sdk" not in sys.modules else "from airflow.sdk import DAG"
        exec(compile(source + "\\nwith DAG('other', schedule=None): pass", "other.py", "exec"), {"__name__": "other"})

    def work(n=None):
        return n

    def run_inner(n, **context):
        return PythonOperator(task_id=f"inner_{n}", python_callable=work, op_args=[n]).execute(context)

    class Waits(BaseSensorOperator):
        def poke(self, context):
            return True

    class Defers(BaseOperator):
        def execute(self, context):
            self.defer(trigger=TimeDeltaTrigger(timedelta(0)), method_name="resume")

        def resume(self, context, event=None):
            return run_inner("after", **context)

    class Runs(BaseOperator):
        def execute(self, context):
            return PythonOperator(task_id="inner", python_callable=work, op_args=[7]).execute(context)

    with DAG("callee", **START):
        PythonOperator(task_id="work", python_callable=work)

    with DAG("innocent", on_success_callback=report, **START):
        PythonOperator(
            task_id="calls_back", python_callable=work,
            on_execute_callback=report, on_success_callback=report,
        )
        PythonOperator(task_id="fails", python_callable=lambda: 1 / 0, on_failure_callback=report)
        PythonOperator(task_id="pokes", python_callable=poke_another)
        PythonOperator(task_id="imports", python_callable=import_a_dag_file)
        Waits(task_id="waits", poke_interval=0.01)
        Waits(task_id="reschedules", poke_interval=0.01, mode="reschedule")
        Runs(task_id="runs_another")
        Defers(task_id="defers")
        TriggerDagRunOperator(task_id="triggers", trigger_dag_id="callee")
        PythonOperator.partial(task_id="maps", python_callable=work).expand(op_args=[[1], [2]])
        BashOperator.partial(task_id="maps_bash").expand(bash_command=["true", "echo 1"])
        PythonOperator.partial(task_id="maps_runs", python_callable=run_inner).expand(op_args=[["a"], ["b"]])

        @task.branch
        def choose():
            return "runs_another"

        @task_group
        def group(n):
            @task
            def one(n):
                return n
            one(n)

        group.expand(n=[1, 2])
        choose() >> PythonOperator(task_id="not_chosen", python_callable=work)
"""


@pytest.mark.parametrize("engine", ENGINES)
def test_what_tasks_may_do_is_no_finding(load_dags: LoadDags, engine: str) -> None:
    """Callbacks, operators used on the spot, sensors, deferral, triggered DAGs, imports, mapping are fine."""
    dags = load_dags(INNOCENT)

    run = run_dag(dags["innocent"], siblings=[dags["callee"]], engine=engine)

    assert () == run.findings
    assert {"fails": "ZeroDivisionError"} == {key: error.type for key, error in run.errors.items()}
    assert 7 == run.xcoms["runs_another"]
    assert "b" == run.xcoms["maps_runs[1]"]
    assert "after" == run.xcoms["defers"]


CALLBACKS = """
    def work(n=None):
        return n

    def fail():
        raise ValueError("wanted")

    def skip():
        raise AirflowSkipException

    def make(context, result=None):
        BashOperator(task_id="made", bash_command="true")  # made
        BashOperator(task_id="used", bash_command="true").execute(context)

    class Hooked(BaseOperator):
        def __init__(self, n=None, **kwargs):
            super().__init__(**kwargs)

        def execute(self, context):
            return None

    class HookedBefore(Hooked):
        def pre_execute(self, context):
            make(context)

    class HookedAfter(Hooked):
        def post_execute(self, context, result=None):
            make(context)

    with DAG("calls", **START, {dag}):
        {task}
        PythonOperator(task_id="after", python_callable=work)
"""


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("task", "whose"),
    [
        ('HookedBefore(task_id="start")', "task 'start'"),
        ('HookedAfter(task_id="start")', "task 'start'"),
        ('Hooked(task_id="start", pre_execute=make)', "task 'start'"),
        ('Hooked(task_id="start", post_execute=make)', "task 'start'"),
        ('Hooked(task_id="start", on_execute_callback=make)', "task 'start'"),
        ('Hooked(task_id="start", on_success_callback=make)', "a callback of task 'start'"),
        (
            'PythonOperator(task_id="start", python_callable=fail, on_failure_callback=make)',
            "a callback of task 'start'",
        ),
        (
            'PythonOperator(task_id="start", python_callable=fail, retries=1, on_retry_callback=make)',
            "a callback of task 'start'",
        ),
        (
            'PythonOperator(task_id="start", python_callable=skip, on_skipped_callback=make)',
            "a callback of task 'start'",
        ),
        (
            'Hooked.partial(task_id="start", on_success_callback=make).expand(n=[1, 2])',
            "a callback of task 'start' (2 instances, start[0] ...)",
        ),
    ],
)
def test_what_is_called_around_a_task_is_watched_too(
    load_dag: LoadDag, engine: str, task: str, whose: str
) -> None:
    """An operator that a hook or a callback of a task makes is told with its line, and one that it uses is not."""
    dag = load_dag(CALLBACKS.replace("{task}", task).replace(", {dag}", ""))
    before = shape(dag)

    (finding,) = run_dag(dag, engine=engine).findings

    assert ("DYN201", place_of(dag, "# made")) == (finding.rule, str(finding.location))
    assert whose == finding.message.partition(" makes ")[0]
    assert before == shape(dag)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("kind", "function"), [("on_success_callback", "work"), ("on_failure_callback", "fail")]
)
@pytest.mark.parametrize("given", ["make", "[work, make]"])
def test_callbacks_of_the_dag_are_watched_too(
    load_dag: LoadDag, engine: str, kind: str, function: str, given: str
) -> None:
    """An operator that a callback of the DAG makes is told with its line; the DAG keeps its callbacks."""
    task = f'PythonOperator(task_id="start", python_callable={function})'
    dag = load_dag(CALLBACKS.replace("{task}", task).replace("{dag}", f"{kind}={given}"))
    callbacks = getattr(dag, kind)

    run = run_dag(dag, engine=engine)

    (finding,) = run.findings
    assert str(finding) == (
        f"{place_of(dag, '# made')}: DYN201 a callback of the DAG makes an operator (BashOperator: 'made') "
        "while it runs. Airflow never schedules it: task instances are made from the DAG as it was when the run began"
        f"{'. The run ended success all the same' if run.state == 'success' else ''}\n"
        "  next: use it on the spot, BashOperator(...).execute(context), or write it in the DAG itself, "
        "where a branch or a trigger rule such as `one_failed` decides"
    )
    assert callbacks is getattr(dag, kind)


EXAMPLES = sorted(ROOT.glob("example_dags/[!t]*.py"))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_dags_that_do_nothing_wrong_have_no_finding(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No right example gives a finding, however its run ends; of the conformance DAGs, the test of their plans says so."""
    monkeypatch.setenv("AIRFLOW_VAR_CITIES", '["lima"]')
    dags = load_file(file).dags
    assert dags

    notes: dict[str, Any] = {}
    for dag_id, dag in dags.items():
        with guarded(dag) as guard, suppress(DynadagError):
            run_directly(dag)
        notes.update({dag_id: guard.spots} if guard.spots else {})

    assert {} == notes


# How it counts, what is allowed, what it costs


def test_further_tries_are_not_counted_again(load_dag: LoadDag) -> None:
    """A task that fails and is tried again starts from the DAG as it was, and counts what its last try made."""
    dag = load_dag("""
        def create(ti, dag):
            for n in range(3):
                BashOperator(task_id=f"new_{n}", bash_command="true", dag=dag)
            if ti.try_number < 3:
                raise ValueError("again")

        with DAG("retried", **START):
            PythonOperator(task_id="create", python_callable=create, retries=2)
    """)

    run = run_dag(dag)

    assert ("success", ["DYN201"]) == (run.state, told(run))
    assert (
        "task 'create' makes 3 operators (BashOperator: 'new_0', 'new_1', 'new_2')" in run.findings[0].message
    )


def test_the_instances_of_a_mapped_task_are_counted_together(load_dag: LoadDag) -> None:
    """What the instances of one task make at one line is one finding, with all of it counted."""
    dag = load_dag("""
        def create(n, dag):
            BashOperator(task_id="new", bash_command=f"echo {n}", dag=dag)

        with DAG("mapped", **START):
            PythonOperator.partial(task_id="create", python_callable=create).expand(op_args=[[1], [2], [3]])
    """)

    (finding,) = run_dag(dag).findings

    assert finding.message.startswith(
        "task 'create' (3 instances, create[0] ...) makes 3 operators (BashOperator: "
    )


def test_operators_that_can_be_stored_are_noticed(load_dag: LoadDag, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Airflow 2 pickles XComs such a run is green, and both the handing on and the wiring up are told."""
    if bridge().family != "2":
        pytest.skip("Airflow 3 cannot pickle XComs")
    monkeypatch.setenv("AIRFLOW__CORE__ENABLE_XCOM_PICKLING", "True")
    dag = load_file(ROOT / "example_dags" / "broken" / "creates_operators_in_task_kwargs.py").dags[
        "creates_operators_in_task_kwargs"
    ]
    before = shape(dag)

    run = run_dag(dag)

    assert "success" == run.state
    assert not run.success
    assert [
        "DYN201 task 'make_operators' makes 2 operators",
        "DYN202 task 'make_operators' returns 2 operators",
        "DYN201 task 'wire_operators' puts 2 operators",
    ] == [f"{finding.rule} {finding.message}".partition(" (")[0] for finding in run.findings]
    assert "It was stored, and whoever pulls it gets a copy. " in run.findings[1].message
    assert before == shape(dag)


@pytest.mark.parametrize("name", ["DYN201", "DYN201:guarded", "DYN201:guard*", "DYN201:guarded.start"])
def test_a_finding_can_be_allowed(load_dag: LoadDag, name: str) -> None:
    """An allowed finding is kept apart with its reason, and the run is a success."""
    run = run_dag(
        load_dag(CREATORS.replace("{name}", "creates_plainly")),
        allow=read_allowances([f"{name} = they are only counted"]),
    )

    assert run.success
    assert () == run.findings
    assert [("DYN201", "they are only counted")] == [(finding.rule, why) for finding, why in run.allowed]


@pytest.mark.parametrize("name", ["DYN203", "DYN201:other", "DYN201:guarded.other"])
def test_nothing_else_is_allowed_by_that(load_dag: LoadDag, name: str) -> None:
    """Another rule, DAG or task does not count."""
    run = run_dag(
        load_dag(CREATORS.replace("{name}", "creates_plainly")),
        allow=read_allowances([f"{name} = they are only counted"]),
    )

    assert not run.success
    assert ["DYN201"] == told(run)


def test_a_run_that_is_stuck_says_what_was_made(load_dag: LoadDag) -> None:
    """Whoever waits may wait for what a task made: the message and the error carry the findings."""
    dag = load_dag("""
        class Never(BaseSensorOperator):
            def poke(self, context):
                return False

        def make(dag, **_):
            PythonOperator(task_id="made", python_callable=print, dag=dag)

        with DAG("guarded", **START):
            PythonOperator(task_id="start", python_callable=make) >> Never(task_id="wait", mode="poke", timeout=10**9)
    """)

    with pytest.raises(StuckRunError) as caught:
        run_dag(dag)

    assert ["DYN201"] == [finding.rule for finding in caught.value.findings]
    first = str(caught.value).partition("\n")[0]
    assert "the run of 'guarded' cannot finish: 1 instance waits for something that never comes" == first
    assert str(caught.value).endswith(f"{caught.value.findings[0]}\nmore: pytest --dynadag-explain DYN201")


def test_airflow_is_as_before(load_dag: LoadDag) -> None:
    """Nothing of Airflow's stays replaced, whether tasks created something or not."""
    dag = load_dag(CREATORS.replace("{name}", "executed_inline"))
    operator = type(dag.get_task("start"))
    owners = [owner for each in (type(dag), operator, type(operator)) for owner in each.__mro__]
    before = [dict(vars(owner)) for owner in owners]

    run_dag(dag)

    assert before == [dict(vars(owner)) for owner in owners]


def test_a_run_that_creates_nothing_pays_next_to_nothing(load_dag: LoadDag) -> None:
    """Entering and leaving the guard takes less than 10 ms for a DAG of a thousand tasks."""
    dag = load_dag("""
        with DAG("wide", **START):
            first, *others = [BashOperator(task_id=f"t{n}", bash_command="true") for n in range(1000)]
            first >> others
    """)
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        with guarded(dag):
            pass
        seconds.append(time.perf_counter() - started)

    assert min(seconds) < 0.01
