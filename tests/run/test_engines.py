"""Both engines, on small DAGs: what a run shows, what is given, how it ends, and what it leaves behind."""

from __future__ import annotations

import logging
import os
import signal
import time
import warnings
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from pytest_dynadag.bridge.callees import find_callees
from pytest_dynadag.bridge.home import airflow_version
from pytest_dynadag.bridge.loading import bridge
from pytest_dynadag.errors import UnknownNameError
from pytest_dynadag.graph.given import Given
from pytest_dynadag.graph.rules import Judgement
from pytest_dynadag.graph.scheduler import Scheduler
from pytest_dynadag.run.engines.dag_test import run_with_dag_test
from pytest_dynadag.run.engines.direct import run_directly
from pytest_dynadag.run.request import RunRequest
from pytest_dynadag.run.stuck import AirflowRaisedError, ParamsError, StuckRunError

LoadDag = Callable[[str], Any]

FAN_OUT = """
    with DAG("sales", **START):
        @task
        def list_regions():
            return ["eu", "us"]

        @task(map_index_template="{{ task.op_kwargs['region'] }}")
        def load(day, region):
            print("loading", region)
            return region + " loaded"

        @task
        def report(loaded):
            return sorted(loaded)

        report(load.partial(day="mon").expand(region=list_regions()))
"""


ENGINES = {"direct": run_directly, "airflow": run_with_dag_test}
CHOSEN = ["direct"]


@pytest.fixture(autouse=True, params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Let every test here run on each engine."""
    CHOSEN[0] = request.param
    return CHOSEN[0]


def is_in_memory() -> bool:
    """Tell whether the engine needs no database."""
    return CHOSEN[0] == "direct" and bridge().family == "3"


def run(dag: Any, given: dict[Any, Any] | None = None, **options: Any) -> Any:
    """Run a DAG with what a test would give."""
    names = ("states", "params", "conf", "max_map_length")
    of = {name: options.pop(name) for name in names if name in options}
    return ENGINES[CHOSEN[0]](dag, RunRequest(given=Given.of(given, **of), **options))


def test_a_run_is_observed_as_plain_data(load_dag: LoadDag) -> None:
    """States, return values, labels and the inputs that expand gives come back by instance."""
    seen = run(load_dag(FAN_OUT))

    assert seen.state == "success"
    assert seen.states == dict.fromkeys(["list_regions", "load[0]", "load[1]", "report"], "success")
    assert seen.returned == {
        "list_regions": ["eu", "us"],
        "load[0]": "eu loaded",
        "load[1]": "us loaded",
        "report": ["eu loaded", "us loaded"],
    }
    assert seen.labels == {"load[0]": "eu", "load[1]": "us"}
    assert seen.inputs == {("load", 0): {"region": "eu"}, ("load", 1): {"region": "us"}}
    assert repr(seen) == "<Observation of 'sales': success, 4 instances (4 success)>"


def test_a_dag_object_built_in_a_test_runs() -> None:
    """A DAG that no file and no bundle holds runs as well."""
    seen = run(bridge().make_smallest_dag())

    assert seen.returned == {"list_numbers": [0], "take[0]": 0}


def test_given_tasks_are_not_executed(load_dag: LoadDag) -> None:
    """A given output stands where the task's own would, with its length, and the task is not executed."""
    seen = run(load_dag(FAN_OUT), {"list_regions": ["ap", "sa", "af"]})

    assert seen.returned["report"] == ["af loaded", "ap loaded", "sa loaded"]
    assert seen.states["load[2]"] == "success"


def test_a_mapped_task_is_given_per_index(load_dag: LoadDag) -> None:
    """A list gives one entry per index, and an entry may be a state."""
    from pytest_dynadag.graph.given import Skipped

    seen = run(load_dag(FAN_OUT), {"load": ["first", Skipped("nothing to do")]})

    assert seen.returned["load[0]"] == "first"
    assert seen.states["load[1]"] == "skipped"
    assert seen.labels == {"load[0]": "eu", "load[1]": "us"}
    assert seen.inputs[("load", 1)] == {"region": "us"}
    assert seen.logs("load[0]").count("loading") == 0


def test_a_mapped_task_is_given_by_a_callable(load_dag: LoadDag) -> None:
    """A callable gets the inputs of an instance."""
    seen = run(load_dag(FAN_OUT), {"load": lambda inputs: inputs["region"].upper()})

    assert seen.returned["report"] == ["EU", "US"]


def test_a_given_failure_fails_without_retries(load_dag: LoadDag) -> None:
    """A given failure carries its reason, ends the task at the first try, and what follows does not run."""
    dag = load_dag("""
        with DAG("d", **START):
            @task(retries=3)
            def first():
                return 1

            @task
            def second(x):
                return x

            second(first())
    """)

    seen = run(dag, states={"first": "failed"})

    assert seen.states == {"first": "failed", "second": "upstream_failed"}
    assert (seen.errors["first", -1].type, seen.errors["first", -1].message) == (
        "AirflowFailException",
        "given as failed",
    )
    assert seen.instances[0].try_number == 1


def test_one_index_may_be_given_and_the_others_executed(load_dag: LoadDag) -> None:
    """A state for `load[1]` leaves `load[0]` to be executed."""
    seen = run(load_dag(FAN_OUT), states={"load[1]": "skipped"})

    assert (seen.states["load[0]"], seen.states["load[1]"]) == ("success", "skipped")
    assert "loading eu" in seen.logs("load[0]")


def test_a_given_list_that_is_too_short_is_refused(load_dag: LoadDag) -> None:
    """A run with more instances than a given has entries says so, whole message."""
    from pytest_dynadag.errors import GivenError

    with pytest.raises(GivenError) as caught:
        run(load_dag(FAN_OUT), {"load": ["only one"]})

    assert str(caught.value) == (
        "given['load'] for DAG 'sales': it has 1 entry, and load has 2 instances\n"
        "  next: give one entry per index, or a callable that takes the inputs of an instance"
    )


def test_a_given_task_without_a_dag_task_is_refused(load_dag: LoadDag) -> None:
    """A slip in a task id is named before anything runs."""
    with pytest.raises(UnknownNameError, match="did you mean 'list_regions'"):
        run(load_dag(FAN_OUT), {"list_region": []})


def test_other_xcoms_are_given(load_dag: LoadDag) -> None:
    """A value under another XCom key is pushed beside the return value, and the task is not executed."""
    dag = load_dag("""
        with DAG("d", **START):
            @task
            def first():
                raise RuntimeError("executed")

            @task
            def second(ti=None):
                return ti.xcom_pull(task_ids="first", key="rows")

            first() >> second()
    """)

    seen = run(dag, {("first", "rows"): 7, "first": "done"})

    assert seen.returned == {"first": "done", "second": 7}
    assert seen.xcoms["first", -1, "rows"] == 7


BRANCHES = """
    class Refusing(BaseOperator):
        template_fields = ("text",)

        def __init__(self, text="{{ no_such_name.x }}", **kwargs):
            super().__init__(**kwargs)
            self.text = text

        def pre_execute(self, context):
            raise RuntimeError("pre_execute ran")

        def execute(self, context):
            raise RuntimeError("executed")

        def post_execute(self, context, result=None):
            raise RuntimeError("post_execute ran")

    def call_back(context):
        raise RuntimeError("callback ran")

    with DAG("d", **START):
        @task.branch
        def choose():
            raise RuntimeError("executed")

        @task
        def left():
            return "left"

        @task
        def right():
            return "right"

        @task.short_circuit(ignore_downstream_trigger_rules=False)
        def go_on():
            raise RuntimeError("executed")

        @task
        def after():
            return "after"

        @task(multiple_outputs=True)
        def both():
            raise RuntimeError("executed")

        choose() >> [left(), right()]
        go_on() >> after()
        both()
        Refusing(task_id="classic", on_success_callback=call_back, on_execute_callback=call_back)
        BashOperator(task_id="shell", bash_command="exit 1 # {{ params.no_such.x.y }}")
"""


def test_what_airflow_does_with_a_result_stays_airflows(load_dag: LoadDag) -> None:
    """Branches skip, short circuits cut, multiple outputs are split; templates, hooks and callbacks stay out."""
    given = {"choose": "right", "go_on": False, "both": {"a": 1, "b": 2}, "classic": 5, "shell": "text"}

    seen = run(load_dag(BRANCHES), given)

    assert seen.state == "success"
    assert {key for key, state in seen.states.items() if state == "skipped"} == {"left", "after"}
    assert seen.returned["right"] == "right"
    assert (seen.xcoms["both", -1, "a"], seen.xcoms["both", -1, "b"]) == (1, 2)
    assert (seen.returned["classic"], seen.returned["shell"]) == (5, "text")


GROUPS = """
    with DAG("d", **START):
        @task
        def names():
            return ["a", "b"]

        @task_group
        def each(name, size):
            @task
            def start():
                return "started"

            @task
            def use(name):
                return name * 2

            start() >> use(name)

        @task
        def collect(ti=None):
            return ti.xcom_pull(task_ids="each.use")

        each.partial(size=3).expand(name=names()) >> collect()
"""


def test_every_task_of_a_mapped_group_has_the_groups_inputs(load_dag: LoadDag) -> None:
    """A task of a mapped group gets the group's expanded arguments, whether or not it uses them."""
    seen = run(load_dag(GROUPS))

    assert seen.state == "success"
    assert seen.inputs == {
        (f"each.{task}", index): {"name": name}
        for task in ("start", "use")
        for index, name in enumerate(["a", "b"])
    }


def test_a_task_in_a_mapped_group_is_given_per_index(load_dag: LoadDag) -> None:
    """The index of a task in a mapped group is that of its group, also for a callable."""
    seen = run(load_dag(GROUPS), {"each.start": ["x", "y"], "each.use": lambda inputs: inputs["name"] + "!"})

    assert (seen.returned["each.start[0]"], seen.returned["each.start[1]"]) == ("x", "y")
    assert (seen.returned["each.use[0]"], seen.returned["each.use[1]"]) == ("a!", "b!")


def test_an_output_of_a_mapped_task_is_a_list_among_the_inputs(load_dag: LoadDag) -> None:
    """Lazy sequences of XComs become plain lists."""
    dag = load_dag("""
        with DAG("d", **START):
            @task
            def twice(n):
                return n * 2

            @task
            def add(numbers, m):
                return sum(numbers) + m

            add.expand(numbers=[twice.expand(n=[1, 2])], m=[1])
    """)

    assert run(dag).inputs["add", 0] == {"numbers": [2, 4], "m": 1}


def test_an_empty_list_leaves_one_skipped_instance(load_dag: LoadDag) -> None:
    """A mapped task of length 0 stands under its plain key."""
    seen = run(load_dag(FAN_OUT), {"list_regions": []})

    assert seen.states == {"list_regions": "success", "load": "skipped", "report": "skipped"}


def test_errors_name_the_line_of_the_dag_file(load_dag: LoadDag) -> None:
    """A failure comes with its type, its text and the line of the user's file."""
    from header import HEADER_LINES

    dag = load_dag("""
        with DAG("d", **START):
            @task
            def broken():
                raise ValueError("no")

            broken()
    """)

    error = run(dag).errors["broken", -1]

    assert (error.type, error.message) == ("ValueError", "no")
    assert str(error.location) == f"{dag.fileloc}:{HEADER_LINES + 5}"


def test_retries_do_not_wait(load_dag: LoadDag) -> None:
    """A task that is retried with an exponential delay of hours ends at once, and the DAG keeps its delay."""
    dag = load_dag("""
        from datetime import timedelta
        with DAG("d", **START):
            @task(retries=2, retry_delay=timedelta(hours=1), retry_exponential_backoff=True)
            def flaky(ti=None):
                if ti.try_number < 3:
                    raise ValueError(ti.try_number)
                return ti.try_number

            flaky()
    """)

    seen = run(dag)

    assert seen.returned == {"flaky": 3}
    assert seen.errors == {}
    assert dag.task_dict["flaky"].retry_delay.total_seconds() == 3600


SENSOR = """
    looks = []

    class Looks(BaseSensorOperator):
        def poke(self, context):
            looks.append(1)
            return len(looks) >= {needed}

    with DAG("d", **START):
        Looks(task_id="wait", mode="reschedule", poke_interval=3600, timeout=10**7)
"""


def test_a_rescheduled_sensor_looks_again_at_once(load_dag: LoadDag) -> None:
    """A sensor in reschedule mode does not wait for its interval, and does not count as stuck."""
    started = time.monotonic()

    assert run(load_dag(SENSOR.format(needed=8))).states == {"wait": "success"}
    assert time.monotonic() - started < 60


def test_a_sensor_that_never_finds_anything_is_stuck(
    load_dag: LoadDag, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sensor that is rescheduled over and over ends the run with a message."""
    monkeypatch.setattr("pytest_dynadag.bridge.waiting.LOOKS", 3)

    with pytest.raises(StuckRunError) as caught:
        run(load_dag(SENSOR.format(needed=10**9)))

    assert str(caught.value) == (
        "the run of 'd' cannot finish: 1 instance waits for something that never comes\n"
        "  wait  state up_for_reschedule\n"
        "        it has looked 3 times, and still waits\n"
        "  next: give the task an output, given={'wait': ...}, or a state, states={'wait': 'skipped'}"
    )


def test_a_run_that_cannot_finish_says_who_waits_and_why(
    load_dag: LoadDag, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task that is never started ends the run with the reasons, Airflow's own where its scheduler is asked, quickly."""
    dag = load_dag("""
        with DAG("d", **START):
            @task(max_active_tis_per_dag=1)
            def waits():
                return 1

            waits()
    """)
    if is_in_memory():
        monkeypatch.setattr(Scheduler, "_judge", lambda *args: Judgement(None, met=False))
        why = "trigger rule all_success is not met"
    else:
        from airflow.ti_deps.deps.prev_dagrun_dep import PrevDagrunDep

        def never(self: Any, ti: Any, *args: Any, **kwargs: Any) -> Any:
            yield self._failing_status(reason="it never comes")

        monkeypatch.setattr(PrevDagrunDep, "_get_dep_statuses", never)
        why = "Previous Dagrun State: it never comes"
    started = time.monotonic()

    with pytest.raises(StuckRunError) as caught:
        run(dag)

    assert str(caught.value) == (
        "the run of 'd' cannot finish: 1 instance waits for something that never comes\n"
        "  waits  state none\n"
        f"         {why}\n"
        "  next: give the task an output, given={'waits': ...}, or a state, states={'waits': 'skipped'}"
    )
    assert time.monotonic() - started < 30


def test_an_exception_of_airflows_own_is_told_from_a_tasks(
    load_dag: LoadDag, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `dag.test()` itself raises comes with its type and the place it comes from, whole message."""

    def refuse(self: Any, **kwargs: Any) -> None:
        raise NotImplementedError

    dag = load_dag(FAN_OUT)
    monkeypatch.setattr(type(dag), "validate", refuse)

    with pytest.raises(AirflowRaisedError) as caught:
        run(dag)

    line = refuse.__code__.co_firstlineno + 1
    assert str(caught.value) == (
        f"Airflow itself failed to run 'sales': NotImplementedError\n  raised at {__file__}:{line}\n"
        "  next: see whether `airflow dags test sales` ends the same way"
    )
    assert isinstance(caught.value.__cause__, NotImplementedError)


def test_what_fails_around_a_task_is_an_error_of_its_instance(
    load_dag: LoadDag, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Airflow's worker itself raises for an instance is not only in Airflow's log, by both engines."""
    try:
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance as Instance
    except ImportError:
        from airflow.models.taskinstance import TaskInstance as Instance

    def refuse(self: Any, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError("no context today")

    dag = load_dag(FAN_OUT)
    monkeypatch.setattr(Instance, "get_template_context", refuse)

    observation = run(dag)

    assert observation.state == "failed"
    assert {key: (error.type, error.message) for key, error in observation.errors.items()} == {
        ("list_regions", -1): ("NotImplementedError", "no context today")
    }


def test_sleep_in_a_task_is_real(load_dag: LoadDag) -> None:
    """Only DAG.test's own waiting is cut short."""
    dag = load_dag("""
        import time
        with DAG("d", **START):
            @task
            def nap():
                started = time.monotonic()
                time.sleep(0.05)
                return time.monotonic() - started

            nap()
    """)

    assert run(dag).returned["nap"] >= 0.05


ORDERED = """
    import os
    with DAG("d", **START):
        @task
        def each(n):
            with open(os.environ["RAN"], "a") as file:
                print(n, file=file)

        each.expand(n=list(range(12)))
"""


@pytest.mark.parametrize("order", [None, "reverse", 7], ids=str)
def test_the_order_of_a_wave_is_fixed(load_dag: LoadDag, tmp_path: Path, order: Any) -> None:
    """Instances run by index, the other way round, or shuffled by a seed that repeats."""
    run(load_dag(ORDERED), order=order, env={"RAN": str(tmp_path / "ran")})

    ran = [int(line) for line in (tmp_path / "ran").read_text().split()]
    expected = [index for _, index in RunRequest(order=order).sort([("each", n) for n in range(12)])]
    assert expected == ran
    assert (order == 7) == (ran not in (list(range(12)), list(range(12))[::-1]))


def test_runs_of_a_dag_do_not_see_each_other(load_dag: LoadDag) -> None:
    """The same logical date twice is no clash, and a Variable that a run sets is gone in the next."""
    dag = load_dag("""
        with DAG("d", **START):
            @task
            def remember():
                try:
                    return Variable.get("seen")
                except Exception:
                    Variable.set("seen", "yes")
                    return "first time"

            remember()
    """)
    at = datetime(2024, 5, 1, tzinfo=timezone.utc)

    assert [run(dag, at=at).returned["remember"] for _ in range(2)] == ["first time", "first time"]


def test_the_clock_stands_at_the_logical_date(load_dag: LoadDag) -> None:
    """With `at`, the logical date and every clock in a task show that moment."""
    dag = load_dag("""
        import time
        import datetime as dt
        with DAG("d", **START):
            @task
            def look(logical_date=None):
                return [str(dt.datetime.now(dt.timezone.utc)), time.time(), logical_date.isoformat()]

            look()
    """)

    seen = run(dag, at=datetime(2024, 5, 1, 6))  # noqa: DTZ001 - UTC is meant

    moment = datetime(2024, 5, 1, 6, tzinfo=timezone.utc)
    assert seen.returned["look"] == [str(moment), moment.timestamp(), "2024-05-01T06:00:00+00:00"]
    assert seen.logical_date == moment
    assert seen.seconds < 60


def test_variables_connections_params_and_conf_reach_the_tasks(load_dag: LoadDag) -> None:
    """What is given is what tasks see, and nothing of it stays in the environment."""
    dag = load_dag("""
        import os
        with DAG("d", params={"day": Param("mon", type="string")}, **START):
            @task
            def look(params=None, dag_run=None):
                return [
                    Variable.get("tenants", deserialize_json=True),
                    BaseHook.get_connection("db").host,
                    os.environ["STAGE"],
                    params["day"],
                    dag_run.conf["extra"],
                ]

            look()
    """)
    before = dict(os.environ)

    seen = run(
        dag,
        params={"day": "tue"},
        conf={"extra": 1},
        variables={"tenants": ["a"]},
        connections={"db": "postgres://me@example.org/x"},
        env={"STAGE": "test"},
    )

    assert seen.returned["look"] == [["a"], "example.org", "test", "tue", 1]
    assert before == dict(os.environ)


def test_a_param_that_the_schema_does_not_allow_is_refused(load_dag: LoadDag) -> None:
    """A wrong param is named with its value before anything runs, whole message."""
    dag = load_dag("""
        with DAG("d", params={"day": Param("mon", type="string")}, **START):
            @task
            def look():
                return 1

            look()
    """)

    with pytest.raises(ParamsError) as caught:
        run(dag, params={"day": 5})

    assert str(caught.value) == (
        "params['day'] of DAG 'd': 5 is not allowed: 5 is not of type 'string'\n"
        "  next: pass params={'day': ...} with a value that the Param's schema accepts"
    )


def test_a_param_without_default_must_be_given(load_dag: LoadDag) -> None:
    """A required param is asked for before anything runs, and may come from the conf."""
    dag = load_dag("""
        with DAG("d", params={"day": Param(type="string")}, **START):
            @task
            def look(params=None):
                return params["day"]

            look()
    """)

    with pytest.raises(ParamsError, match=r"^params\['day'\] of DAG 'd': no value is given: ") as caught:
        run(dag)

    assert caught.value.given == ()
    assert run(dag, conf={"day": "mon"}).returned == {"look": "mon"}


def test_a_deferred_task_is_resumed(load_dag: LoadDag) -> None:
    """A task that defers is resumed with what its trigger says."""
    dag = load_dag("""
        from airflow.triggers.testing import SuccessTrigger

        class Waits(BaseOperator):
            def execute(self, context):
                self.defer(trigger=SuccessTrigger(), method_name="resume")

            def resume(self, context, event=None):
                return "resumed"

        with DAG("d", **START):
            Waits(task_id="wait")
    """)

    assert run(dag).returned == {"wait": "resumed"}


def test_mapped_classic_operators_are_given(load_dag: LoadDag) -> None:
    """Instances of a classic operator are given by index or by their inputs, without rendering the rest."""
    dag = load_dag("""
        def fetch(**kwargs):
            raise RuntimeError("executed")

        with DAG("d", **START):
            rows = PythonOperator(task_id="rows", python_callable=fetch)
            shell = BashOperator.partial(task_id="shell", env={"A": "{{ nothing.there }}"}, retries=2)
            shell.expand(bash_command=["exit 1", "exit 2"])
            fetched = PythonOperator.partial(task_id="fetch", python_callable=fetch)
            fetched.expand_kwargs(rows.output)
    """)
    rows = [{"op_kwargs": {"n": 1}}, {"op_kwargs": {"n": 2}}]

    seen = run(
        dag,
        {"rows": rows, "shell": ["one", "two"], "fetch": lambda inputs: inputs["op_kwargs"]["n"] * 10},
    )

    assert seen.state == "success"
    assert [seen.returned[f"fetch[{index}]"] for index in (0, 1)] == [10, 20]
    assert [seen.returned[f"shell[{index}]"] for index in (0, 1)] == ["one", "two"]
    assert seen.inputs["shell", 1] == {"bash_command": "exit 2"}


@pytest.mark.skipif(
    airflow_version().startswith("3.1."),
    reason="3.1 has one level for all loggers: its chatter and operators'",
)
def test_operators_speak_in_the_logs_too(load_dag: LoadDag) -> None:
    """What an operator logs by itself, such as the output of a shell command, belongs to its instance."""
    dag = load_dag("""
        with DAG("d", **START):
            BashOperator(task_id="shell", bash_command="echo spoken")
    """)

    assert "spoken" in run(dag).logs("shell").replace("'echo spoken'", "")


def test_another_dag_of_the_file_can_be_triggered(load_dags: Callable[[str], dict[str, Any]]) -> None:
    """TriggerDagRunOperator finds the DAGs that are passed as siblings."""
    dags = load_dags("""
        with DAG("target", **START):
            BashOperator(task_id="t", bash_command="true")
        with DAG("source", **START):
            TriggerDagRunOperator(task_id="go", trigger_dag_id="target")
    """)

    seen = run(dags["source"], siblings=[dags["target"]])

    assert seen.states == {"go": "success"}


@pytest.mark.skipif(
    airflow_version().startswith(("3.0.", "3.1.", "3.2.")),
    reason="3.0 to 3.2 fail the task and do not say why: they take the API's refusal without raising anything",
)
def test_a_dag_that_nobody_defines_cannot_be_triggered(load_dag: LoadDag) -> None:
    """The error says which DAG is missing, also where only the execution API knows."""
    seen = run(
        load_dag("""
        with DAG("d", **START):
            TriggerDagRunOperator(task_id="go", trigger_dag_id="nobody")
    """)
    )

    assert "nobody not found" in seen.errors["go", -1].message.replace("dag_id: 'nobody'", "nobody")


def test_what_a_dag_triggers_is_found(load_dag: LoadDag) -> None:
    """Ids that are written down, of mapped tasks too; neither the DAG itself nor what a template makes."""
    dag = load_dag("""
        with DAG("d", **START):
            TriggerDagRunOperator(task_id="one", trigger_dag_id="target")
            TriggerDagRunOperator(task_id="again", trigger_dag_id="d")
            TriggerDagRunOperator.partial(task_id="each", trigger_dag_id="other").expand(conf=[{}, {}])
            TriggerDagRunOperator.partial(task_id="any").expand(trigger_dag_id=["a", "b"])
            BashOperator(task_id="bash", bash_command="true")
    """)

    assert ("target", "other") == find_callees(dag)


def test_what_a_task_prints_and_logs_is_kept_by_instance(
    load_dag: LoadDag, capsys: pytest.CaptureFixture[str]
) -> None:
    """Prints and log records are in the logs of their instance, and nothing reaches the terminal."""
    dag = load_dag("""
        import logging, sys
        with DAG("d", **START):
            @task
            def speak(n):
                print("printed", n)
                print("on stderr", n, file=sys.stderr)
                logging.getLogger("mine").info("logged %s", n)

            speak.expand(n=[1, 2])
    """)
    handlers, level = list(logging.getLogger().handlers), logging.getLogger().level

    seen = run(dag)

    for index in (0, 1):
        text = seen.logs(f"speak[{index}]")
        assert [f"{what} {index + 1}" in text for what in ("printed", "on stderr", "logged")] == [True] * 3
        assert f"printed {2 - index}" not in text
    assert capsys.readouterr() == ("", "")
    assert (handlers, level) == (list(logging.getLogger().handlers), logging.getLogger().level)


def test_logs_of_an_unknown_instance_are_an_error(load_dag: LoadDag) -> None:
    """A slip in an instance key is told from an instance that said nothing."""
    seen = run(load_dag(FAN_OUT), {"load": ["a", "b"], "report": []})

    with pytest.raises(UnknownNameError, match=r"no instance 'lod\[0\]'; did you mean 'load\[0\]'"):
        seen.logs("lod[0]")


def test_the_process_is_as_before_after_a_run(load_dag: LoadDag) -> None:
    """Environment, signal handlers, folder, warnings and the DAG's operators are put back."""
    dag = load_dag("""
        import os
        with DAG("d", **START):
            @task
            def leave():
                os.environ["LEFT"] = "yes"
                os.chdir("/")

            leave()
            BashOperator(task_id="shell", bash_command="echo {{ ds }}")
    """)

    def snapshot() -> list[Any]:
        operator = {
            name: repr(value) for name, value in vars(dag.task_dict["shell"]).items() if name[0] != "_"
        }
        handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGALRM)]
        return [dict(os.environ), handlers, Path.cwd(), warnings.showwarning, operator, time.sleep]

    before = snapshot()

    run(dag, {"leave": None})
    run(dag)

    assert before == snapshot()


def test_max_map_length_is_the_givens(load_dag: LoadDag) -> None:
    """A push longer than the given's limit fails as in Airflow."""
    seen = run(load_dag(FAN_OUT), {"list_regions": ["a", "b", "c"]}, max_map_length=2)

    assert seen.states == {"list_regions": "failed", "load": "upstream_failed", "report": "upstream_failed"}


def test_a_run_refuses_a_database_that_is_not_ours(
    load_dag: LoadDag, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an isolation of this process nothing is run, nor written, unless no database is needed at all."""
    from pytest_dynadag.bridge import home

    dag = load_dag(FAN_OUT)
    monkeypatch.setattr(home, "_SETTLED", {})

    if is_in_memory():
        assert run(dag).state == "success"
        return
    with pytest.raises(home.NotIsolatedError, match="nothing is run against it"):
        run(dag)
