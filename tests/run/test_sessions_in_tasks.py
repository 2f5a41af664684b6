"""What tasks do with Airflow 2's database, on both engines: the engine `direct` reads and writes past the ORM."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_dynadag.bridge.home import airflow_version
from pytest_dynadag.run.engines.dag_test import run_with_dag_test
from pytest_dynadag.run.engines.direct import run_directly

pytestmark = pytest.mark.skipif(
    not airflow_version().startswith("2."), reason="tasks of Airflow 3 have no database"
)

NESTED = """
    from airflow.models import DagRun, TaskInstance, Variable as Stored
    from airflow.utils.session import NEW_SESSION, create_session, provide_session

    @provide_session
    def read(name, session=NEW_SESSION):
        return session.query(Stored).filter_by(key=name).one().val

    with DAG("d", **START):
        @task
        def commits():
            with create_session() as outer:
                outer.add(Stored(key="outer", val="1"))
                with create_session() as inner:
                    inner.add(Stored(key="inner", val="2"))
                outer.add(Stored(key="later", val="3"))
            return [read(name) for name in ("outer", "inner", "later")]

        @task
        def rolls_back(before):
            get_current_context()["ti"].xcom_push("pushed", before)
            with create_session() as session:
                session.add(Stored(key="lost", val="x"))
                session.flush()
                session.rollback()
                count = session.query(Stored).filter_by(key="lost").count()
            return [count, get_current_context()["ti"].state]

        @task(retries=1)
        def fails_in_a_session(before):
            ti = get_current_context()["ti"]
            ti.xcom_push("try", ti.try_number)
            with create_session() as session:
                session.add(Stored(key=f"try {ti.try_number}", val="x"))
                raise ValueError(ti.try_number)

        @task(trigger_rule="all_done")
        def notes(before):
            ti = get_current_context()["ti"]
            with create_session() as session:
                session.query(TaskInstance).filter_by(task_id=ti.task_id).one().note = "seen"
            return ti.task_id

        @task
        def sees(before):
            with create_session() as session:
                found = session.query(TaskInstance).order_by(TaskInstance.task_id).all()
                names = [row.key for row in session.query(Stored).order_by(Stored.key)]
                return [[ti.task_id, ti.state, ti.try_number, ti.note] for ti in found] + [names]

        @task
        def follows(before):
            return before[-1]

        first = commits()
        sees_all = sees(notes(fails_in_a_session(rolls_back(first))))
        follows(sees_all)
"""

FOREIGN_STATES = """
    from airflow.models import DagRun, TaskInstance
    from airflow.utils.session import create_session
    from airflow.utils.task_instance_session import get_current_task_instance_session

    with DAG("d", **START):
        @task
        def numbers():
            return [1, 2, 3]

        @task(map_index_template="{{ task.op_kwargs['number'] }}")
        def skips_another(number):
            ti = get_current_context()["ti"]
            with create_session() as session:
                session.query(TaskInstance).filter_by(task_id="other", run_id=ti.run_id).update({"state": "skipped"})
            held = get_current_task_instance_session().query(TaskInstance).filter_by(task_id="numbers").one()
            return [number, held.state]

        @task
        def other():
            return 1

        @task(trigger_rule="all_done")
        def changes_the_run(before):
            run = get_current_context()["dag_run"]
            with create_session() as session:
                session.query(DagRun).filter_by(run_id=run.run_id).update({"external_trigger": False})
            run.conf = {"changed": True}
            return run.external_trigger

        @task
        def reads_the_run(before):
            with create_session() as session:
                run = session.query(DagRun).one()
                return [run.conf, run.external_trigger, before]

        @task
        def fails_itself(before):
            get_current_context()["ti"].set_state("failed")
            return 1

        mapped = skips_another.expand(number=numbers())
        after = other()
        mapped >> after
        fails_itself(reads_the_run(changes_the_run(mapped)))
"""

SKIPPING = """
    from airflow.models.skipmixin import SkipMixin
    from airflow.operators.empty import EmptyOperator

    class Skips(BaseOperator, SkipMixin):
        def execute(self, context):
            self.skip(context["dag_run"], None, self.downstream_list)
            return "skipped"

    with DAG("d", **START):
        @task.branch
        def choose():
            return "left"

        @task.short_circuit
        def stop(index):
            return index == 1

        left, right, end = EmptyOperator(task_id="left"), EmptyOperator(task_id="right"), EmptyOperator(task_id="end")
        join = EmptyOperator(task_id="join", trigger_rule="none_failed_min_one_success")
        choose() >> [left, right] >> join
        Skips(task_id="skips") >> end
        stop.expand(index=[0, 1]) >> EmptyOperator(task_id="after")
"""

DEFERRING = """
    from airflow.triggers.temporal import TimeDeltaTrigger

    class Defers(BaseOperator):
        def __init__(self, number, **options):
            super().__init__(**options)

        def execute(self, context):
            context["ti"].xcom_push("before", context["ti"].try_number)
            self.defer(trigger=TimeDeltaTrigger(timedelta(0)), method_name="resume", kwargs={"kept": 1})

        def resume(self, context, kept=None, event=None):
            if context["ti"].try_number == 1:
                raise ValueError("once more")
            return context["ti"].xcom_pull(task_ids=self.task_id, key="before", map_indexes=context["ti"].map_index)

    with DAG("d", **START):
        Defers.partial(task_id="defers", retries=1, retry_delay=timedelta(0)).expand(number=[1, 2])
"""


@pytest.mark.parametrize("text", [NESTED, FOREIGN_STATES, SKIPPING], ids=["nested", "foreign", "skipping"])
def test_a_task_that_uses_the_database_does_the_same_on_both_engines(
    text: str, load_dag: Callable[[str], Any]
) -> None:
    """States, tries, labels, XComs and errors are those of `dag.test()` where tasks commit, roll back, skip and nest."""
    seen = [engine(load_dag(text)) for engine in (run_directly, run_with_dag_test)]

    direct, airflow = (
        (one.state, one.instances, one.xcoms, {key: error.message for key, error in one.errors.items()})
        for one in seen
    )
    assert airflow == direct


def test_what_a_task_commits_is_kept(load_dag: Callable[[str], Any]) -> None:
    """Rows and notes that a task commits are there for the next one; what it rolls back is not."""
    seen = run_directly(load_dag(NESTED))

    assert seen.returned["commits"] == ["1", "2", "3"]
    assert seen.returned["rolls_back"][0] == 0
    assert seen.returned["follows"] == ["inner", "later", "outer"]
    assert "notes" in [one[0] for one in seen.returned["sees"] if one[-1] == "seen"]


def test_a_deferred_instance_is_retried_with_its_own_xcoms(load_dag: Callable[[str], Any]) -> None:
    """What is pushed before a deferral is there when it resumes, and only that of the last try remains."""
    seen = run_directly(load_dag(DEFERRING))

    assert seen.returned == {"defers[0]": 2, "defers[1]": 2}
    assert [one.try_number for one in seen.instances] == [2, 2]


def test_the_engine_leaves_airflow_as_it_was(load_dag: Callable[[str], Any]) -> None:
    """What stands in for Airflow's functions during a run is gone afterwards."""
    from airflow.models import taskinstance
    from airflow.models.xcom import BaseXCom

    names = ("refresh_from_db", "save_to_db")
    before = [vars(taskinstance.TaskInstance)[name] for name in names] + [vars(BaseXCom)["set"]]

    run_directly(load_dag(SKIPPING))

    after = [vars(taskinstance.TaskInstance)[name] for name in names] + [vars(BaseXCom)["set"]]
    assert before == after
