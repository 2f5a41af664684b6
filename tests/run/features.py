"""DAGs that use one feature of Airflow each; both engines must give the same outcome for every one."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import datetime, timedelta, timezone

try:
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.providers.standard.operators.empty import EmptyOperator
    from airflow.providers.standard.operators.python import PythonOperator, get_current_context
    from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
    from airflow.sdk import DAG, Asset, BaseOperator, Param, setup, task, task_group, teardown
    from airflow.sdk.bases.sensor import BaseSensorOperator
    from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
except ImportError:
    from airflow import DAG
    from airflow.datasets import Dataset as Asset
    from airflow.decorators import setup, task, task_group, teardown
    from airflow.exceptions import AirflowFailException, AirflowSkipException
    from airflow.models import BaseOperator, Param
    from airflow.operators.bash import BashOperator
    from airflow.operators.empty import EmptyOperator
    from airflow.operators.python import PythonOperator, get_current_context
    from airflow.operators.trigger_dagrun import TriggerDagRunOperator
    from airflow.sensors.base import BaseSensorOperator
from airflow.triggers.base import BaseTrigger, TriggerEvent

CALLS = []
START = {"schedule": None, "start_date": datetime(2024, 1, 1, tzinfo=timezone.utc), "catchup": False}
MACROS = {"calls": CALLS}


def note(name):
    def call_back(context):
        CALLS.append((name, context["ti"].task_id if context.get("ti") else None))

    return call_back


ALL_CALLBACKS = {
    f"on_{name}_callback": note(name) for name in ("execute", "success", "failure", "retry", "skipped")
}


class Once(BaseTrigger):
    def __init__(self, value):
        super().__init__()
        self.value = value

    def serialize(self):
        return f"{__name__}.Once", {"value": self.value}

    async def run(self):
        await asyncio.sleep(0)
        yield TriggerEvent(self.value)


class Defers(BaseOperator):
    def execute(self, context):
        from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger

        self.defer(trigger=TimeDeltaTrigger(timedelta(0)), method_name="resume")

    def resume(self, context, event=None):
        return "resumed"


class Looks(BaseSensorOperator):
    looks: list = []

    def __init__(self, needed, **kwargs):
        super().__init__(**kwargs)
        self.needed = needed

    def poke(self, context):
        self.looks.append((context["ti"].task_id, context["run_id"]))
        return self.looks.count((context["ti"].task_id, context["run_id"])) >= self.needed


with DAG("callbacks", **START, on_success_callback=note("dag success"), user_defined_macros=MACROS):

    @task(**ALL_CALLBACKS)
    def succeeds():
        return 1

    @task(**ALL_CALLBACKS, retries=2, retry_delay=timedelta(seconds=0))
    def succeeds_later(ti=None):
        if ti.try_number < 3:
            raise ValueError(ti.try_number)

    @task(**ALL_CALLBACKS)
    def skips():
        raise AirflowSkipException("why")

    [succeeds(), succeeds_later(), skips()]

with DAG("failing_callbacks", **START, on_failure_callback=note("dag failure"), user_defined_macros=MACROS):

    @task(**ALL_CALLBACKS, retries=1, retry_delay=timedelta(seconds=0))
    def fails():
        raise ValueError("always")

    @task(**ALL_CALLBACKS, retries=5)
    def fails_for_good():
        raise AirflowFailException("no retry")

    @task(**ALL_CALLBACKS)
    def fails_mapped(n):
        if n:
            raise KeyError(n)

    [fails(), fails_for_good(), fails_mapped.expand(n=[0, 1])]

with DAG("branches", **START):

    @task.branch
    def pick():
        return "left"

    @task.short_circuit
    def stop():
        return False

    @task(trigger_rule="none_failed_min_one_success")
    def join():
        return "joined"

    pick() >> [EmptyOperator(task_id="left"), EmptyOperator(task_id="right")] >> join()
    stop() >> EmptyOperator(task_id="cut") >> EmptyOperator(task_id="cut_too")

with DAG("setups", **START):

    @setup
    def create():
        return "cluster"

    @teardown(on_failure_fail_dagrun=False)
    def delete():
        raise ValueError("in the teardown")

    @task
    def work():
        raise ValueError("in the work")

    @task
    def other():
        return 1

    made, gone = create(), delete()
    made >> [work(), other()] >> gone
    made >> gone

with DAG("sensors", **START):
    Looks(task_id="reschedules", needed=3, mode="reschedule", poke_interval=60, timeout=10**6)
    Looks(task_id="finds", needed=1, mode="poke")

    @task.sensor(mode="poke")
    def decides():
        try:
            from airflow.sdk.bases.sensor import PokeReturnValue
        except ImportError:
            from airflow.sensors.base import PokeReturnValue
        return PokeReturnValue(is_done=True, xcom_value="found")

    decides()

with DAG("sensor_that_skips", **START):
    Looks(
        task_id="gives_up", needed=9, mode="poke", poke_interval=0, timeout=0, soft_fail=True
    ) >> EmptyOperator(task_id="after")

with DAG("deferred", **START):
    Defers(task_id="defers", retries=0)

with DAG("assets", **START):
    first, second = Asset("s3://bucket/first"), Asset("s3://bucket/second")

    @task(outlets=[first])
    def produces(outlet_events=None):
        outlet_events[first].extra = {"rows": 3}
        return "produced"

    @task(inlets=[first], outlets=[second])
    def consumes(inlet_events=None):
        return [event.extra for event in inlet_events[first]]

    produces() >> consumes()

with DAG(
    "parameters",
    **START,
    params={"day": Param("mon", type="string"), "n": Param(2, type="integer", minimum=1)},
    render_template_as_native_obj=True,
):

    @task(map_index_template="{{ task.op_kwargs['n'] }} of {{ params.n }}")
    def counts(n, day, params=None, dag_run=None):
        return [n, day, params["n"], dag_run.conf]

    @task
    def numbers(n):
        return list(range(n))

    counts.partial(day="{{ params.day }}").expand(n=numbers("{{ params.n }}"))

with DAG("xcoms", **START):

    @task(multiple_outputs=True)
    def several():
        return {"a": 1, "b": [2]}

    @task
    def pushes(ti=None):
        ti.xcom_push(key="custom", value={"x": datetime(2024, 1, 1, tzinfo=timezone.utc)})

    @task
    def pulls(a, ti=None):
        custom = ti.xcom_pull(task_ids="pushes", key="custom")
        return [a, custom["x"].year, ti.xcom_pull(task_ids=["several", "pushes"])]

    @task
    def not_serialisable():
        return object()

    produced = several()
    pushes() >> pulls(produced["a"])
    not_serialisable()

with DAG("limits", **START, max_active_tasks=1):

    @task(max_active_tis_per_dag=1, pool="default_pool", pool_slots=2)
    def one_at_a_time(n):
        return n

    @task(max_active_tis_per_dagrun=2, depends_on_past=True, wait_for_downstream=True)
    def two_at_a_time(n):
        return n

    two_at_a_time.expand(n=one_at_a_time.expand(n=[1, 2, 3]))

with DAG("timeouts", **START):

    @task(execution_timeout=timedelta(seconds=1))
    def too_slow():
        import time

        time.sleep(10)

    @task(execution_timeout=timedelta(seconds=30))
    def in_time():
        return 1

    [too_slow(), in_time()]

with DAG("trigger_rules", **START):

    @task
    def breaks(n):
        if n == 1:
            raise ValueError(n)
        if n == 2:
            raise AirflowSkipException
        return n

    broken = breaks.expand(n=[0, 1, 2])
    for rule in (
        "all_success",
        "all_failed",
        "all_done",
        "one_success",
        "one_failed",
        "none_failed",
        "none_skipped",
    ):
        broken >> EmptyOperator(task_id=rule, trigger_rule=rule)

with DAG("operators", **START):
    BashOperator(task_id="bash", bash_command="echo {{ ds_nodash[:0] }}one; echo two")
    BashOperator(task_id="bash_skips", bash_command="exit 99")
    BashOperator(task_id="bash_fails", bash_command="exit 1")
    BashOperator.partial(task_id="bash_mapped").expand(bash_command=["echo 1", "echo {{ ti.map_index }}"])
    PythonOperator(task_id="python", python_callable=lambda **context: context["ti"].task_id)

    @task
    def in_context():
        return sorted(key for key in ("ds", "ti", "dag_run", "params") if key in get_current_context())

    in_context()

with DAG("grouped", **START):

    @task
    def names():
        return ["a", "b", "c"]

    @task_group
    def each(name):
        @task
        def begin(name):
            if name == "b":
                raise ValueError(name)
            return name

        @task(trigger_rule="all_done")
        def end(name, value):
            return [name, value]

        end(name, begin(name))

    @task(trigger_rule="all_done")
    def gather(ti=None):
        return sorted(value[0] for value in ti.xcom_pull(task_ids="each.end"))

    each.expand(name=names()) >> gather()

with DAG("exits", **START):

    @task
    def leaves():
        raise SystemExit(3)

    @task
    def leaves_well():
        os.environ["LEFT_BEHIND"] = "yes"
        raise SystemExit(0)

    [leaves(), leaves_well()]

with DAG("triggered", **START):
    EmptyOperator(task_id="nothing")

with DAG("triggers", **START):
    TriggerDagRunOperator(task_id="go", trigger_dag_id="triggered", conf={"a": 1})
    TriggerDagRunOperator(task_id="nowhere", trigger_dag_id="there_is_no_such_dag")

with DAG("fails_early", **START):

    @task
    def fails_first():
        raise ValueError("first")

    @task
    def never_runs():
        return 1

    fails_first()
    EmptyOperator(task_id="before") >> never_runs()

with DAG("other_interpreter", **START):

    @task.external_python(python=sys.executable, expect_airflow=False)
    def elsewhere(n):
        if n == 2:
            raise ValueError(n)
        return n + 1

    elsewhere.expand(n=[1, 2])
