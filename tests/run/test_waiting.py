"""The engine `direct` does not wait: the clock of the run jumps, and everything that asks for the time sees it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from pytest_dynadag.run.engines.dag_test import run_with_dag_test
from pytest_dynadag.run.engines.direct import run_directly
from pytest_dynadag.run.request import RunRequest
from pytest_dynadag.run.stuck import StuckRunError

LoadDag = Callable[[str], Any]
ENGINES = {"direct": run_directly, "airflow": run_with_dag_test}
AT = datetime(2024, 5, 1, 6, tzinfo=timezone.utc)


def run(dag: Any, at: datetime | None = AT) -> Any:
    """Run a DAG at a standing clock, or at the machine's."""
    return run_directly(dag, RunRequest(at=at))


RETRIES = """
    with DAG("d", **START):
        @task(retries=2, retry_delay=timedelta(minutes=5))
        def flaky(ti=None):
            print(datetime.now(timezone.utc).isoformat())
            if ti.try_number < 3:
                raise ValueError(ti.try_number)

        flaky()
"""


def moments(seen: Any, key: str) -> list[datetime]:
    """Give the moments that an instance has printed."""
    found = [line for line in seen.logs(key).splitlines() if line.startswith("20") and "T" in line]
    return [datetime.fromisoformat(line) for line in found if len(line) in (25, 32)]


def test_a_standing_clock_jumps_over_retry_delays(load_dag: LoadDag) -> None:
    """Each try sees the time at which a scheduler would start it, and the run takes no time."""
    seen = run(load_dag(RETRIES))

    delays = [moment - AT for moment in moments(seen, "flaky")]
    assert [round(delay / timedelta(minutes=5)) for delay in delays] == [0, 1, 2]
    assert seen.states == {"flaky": "success"}


def test_the_machines_clock_goes_on_after_a_jump(load_dag: LoadDag) -> None:
    """Without `at` the run begins now, is ahead after a retry, and the process has its own clock back afterwards."""
    before, started = datetime.now(timezone.utc), time.monotonic()

    seen = run(load_dag(RETRIES), at=None)

    first, second, _ = moments(seen, "flaky")
    assert timedelta(minutes=4) < second - first < timedelta(minutes=8)
    assert first - before < timedelta(minutes=2)
    assert datetime.now(timezone.utc) - before < timedelta(minutes=2)
    assert time.monotonic() - started < 60


SENSOR = """
    import datetime as dt

    class Waits(BaseSensorOperator):
        def poke(self, context):
            print(dt.datetime.now(dt.timezone.utc).isoformat())
            return dt.datetime.now(dt.timezone.utc) >= dt.datetime(2024, 5, 1, 9, tzinfo=dt.timezone.utc)

    with DAG("d", **START):
        Waits(task_id="wait", mode="{mode}", poke_interval=3600, timeout={timeout})
"""


@pytest.mark.parametrize("mode", ["poke", "reschedule"])
def test_a_sensor_sees_the_hours_go_by(load_dag: LoadDag, mode: str) -> None:
    """A sensor that looks every hour finds, at its fourth look, that it is time."""
    seen = run(load_dag(SENSOR.format(mode=mode, timeout=10**6)))

    assert seen.states == {"wait": "success"}
    assert [round((moment - AT) / timedelta(hours=1)) for moment in moments(seen, "wait")] == [0, 1, 2, 3]


@pytest.mark.parametrize("mode", ["poke", "reschedule"])
def test_a_sensor_times_out_by_the_clock_of_the_run(load_dag: LoadDag, mode: str) -> None:
    """A sensor whose time is up fails as it would in two hours."""
    seen = run(load_dag(SENSOR.format(mode=mode, timeout=7000)))

    assert seen.states == {"wait": "failed"}
    assert seen.errors["wait", -1].type == "AirflowSensorTimeout"


def test_a_poking_sensor_that_never_finds_anything_is_stuck(load_dag: LoadDag) -> None:
    """A sensor that pokes in vain ends the run with a message, without its timeout of years."""
    dag = load_dag("""
        class Never(BaseSensorOperator):
            def poke(self, context):
                return False

        with DAG("d", **START):
            Never(task_id="wait", mode="poke", poke_interval=60, timeout=10**9)
    """)

    with pytest.raises(StuckRunError) as caught:
        run(dag, at=None)

    assert str(caught.value) == (
        "the run of 'd' cannot finish: 1 instance waits for something that never comes\n"
        "  wait  state running\n"
        "        it has looked 200 times, and still waits\n"
        "  next: give the task an output, given={'wait': ...}, or a state, states={'wait': 'skipped'}"
    )


def test_a_triggered_run_is_not_waited_for(load_dags: Callable[[str], dict[str, Any]]) -> None:
    """The run that a task triggers never begins: who waits for its end is stuck, and not for ever."""
    dags = load_dags("""
        with DAG("target", **START):
            BashOperator(task_id="t", bash_command="true")
        with DAG("source", **START):
            TriggerDagRunOperator(
                task_id="go", trigger_dag_id="target", wait_for_completion=True, poke_interval=3600
            )
    """)

    with pytest.raises(StuckRunError, match="1 instance waits for something that never comes"):
        run_directly(dags["source"], RunRequest(siblings=[dags["target"]]))


DEFERS = """
    from airflow.triggers.base import BaseTrigger, TriggerEvent

    class Broken(BaseTrigger):
        def serialize(self):
            return f"{{__name__}}.Broken", {{}}

        async def run(self):
            raise KeyError("in the trigger")
            yield

    class Never(BaseTrigger):
        def serialize(self):
            return f"{{__name__}}.Never", {{}}

        async def run(self):
            import asyncio
            while True:
                await asyncio.sleep(60)
            yield

    class Ends(BaseTrigger):
        def serialize(self):
            return f"{{__name__}}.Ends", {{}}

        async def run(self):
            return
            yield

    class Defers(BaseOperator):
        def execute(self, context):
            try:
                from airflow.providers.standard.triggers.temporal import DateTimeTrigger, TimeDeltaTrigger
            except ImportError:
                from airflow.triggers.temporal import DateTimeTrigger, TimeDeltaTrigger
            self.defer(trigger={trigger}, method_name="resume", **{options})

        def resume(self, context, event=None, **kwargs):
            return [datetime.now(timezone.utc).isoformat(), kwargs]

    with DAG("d", **START):
        Defers(task_id="defers")
"""


@pytest.mark.parametrize(
    "trigger",
    ["TimeDeltaTrigger(timedelta(days=2))", "DateTimeTrigger(datetime(2024, 5, 3, 6, tzinfo=timezone.utc))"],
)
def test_a_trigger_that_waits_for_days_ends_at_once(load_dag: LoadDag, trigger: str) -> None:
    """The trigger really runs, the clock jumps, and the task is resumed two days later."""
    seen = run(load_dag(DEFERS.format(trigger=trigger, options={})))

    moment = datetime.fromisoformat(seen.returned["defers"][0])
    assert timedelta(0) <= moment - AT - timedelta(days=2) < timedelta(minutes=2)


def test_what_is_deferred_with_arguments_is_resumed_with_them(load_dag: LoadDag) -> None:
    """`defer(kwargs=...)` reaches the method, as with a real scheduler; `dag.test()` of 3.3 drops it."""
    seen = run(
        load_dag(DEFERS.format(trigger="TimeDeltaTrigger(timedelta(0))", options={"kwargs": {"rows": 3}}))
    )

    assert seen.returned["defers"][1] == {"rows": 3}


@pytest.mark.parametrize(
    ("trigger", "options", "error"),
    [
        ("Broken()", "{}", "TaskDeferralError"),
        ("Ends()", "{}", "TaskDeferralError"),
        ("Never()", "{'timeout': timedelta(hours=1)}", "TaskDeferralTimeout"),
    ],
)
def test_a_trigger_that_fails_fails_the_task(
    load_dag: LoadDag, trigger: str, options: str, error: str
) -> None:
    """A trigger that raises, ends without an event, or takes too long fails its task, as a triggerer has it."""
    seen = run(load_dag(DEFERS.format(trigger=trigger, options=options)))

    assert seen.states == {"defers": "failed"}
    # 2.x knows no error of its own for a trigger that takes too long.
    assert seen.errors["defers", -1].type in {error, "TaskDeferralError"}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_clock_that_jumps_while_one_task_runs_stays_so_for_the_next(load_dag: LoadDag, engine: str) -> None:
    """Two tasks that wait one after the other both end; a second lies between them, and none once the run is over."""
    dag = load_dag("""
        class Defers(BaseOperator):
            def execute(self, context):
                try:
                    from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
                except ImportError:
                    from airflow.triggers.temporal import TimeDeltaTrigger
                self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=1)), method_name="resume")

            def resume(self, context, event=None):
                return datetime.now(timezone.utc).isoformat()

        with DAG("d", **START):
            Defers(task_id="a") >> Defers(task_id="b")
    """)

    seen = ENGINES[engine](dag)

    assert {"a": "success", "b": "success"} == seen.states
    first, second = (datetime.fromisoformat(seen.returned[key]) for key in ("a", "b"))
    assert timedelta(seconds=1) <= second - first < timedelta(minutes=1)
    assert "<class 'datetime.datetime'>" == repr(type(datetime.now(timezone.utc)))
