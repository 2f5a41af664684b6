"""The engine `direct` on Airflow 3: the scheduler of a plan, told what Airflow's own task runner really did."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime, timezone
from traceback import walk_tb
from typing import Any

from pytest_dynadag.bridge import waiting
from pytest_dynadag.bridge.extract import structure_of
from pytest_dynadag.bridge.loading import bridge
from pytest_dynadag.bridge.protocol import Bridge, Key
from pytest_dynadag.bridge.restore import TaskProcess
from pytest_dynadag.bridge.supervisor import Execution, UnansweredError
from pytest_dynadag.bridge.waiting import Patience, sleepless, too_often
from pytest_dynadag.bridge.worker3 import in_memory
from pytest_dynadag.graph.behaviour import behaviour_of
from pytest_dynadag.graph.expansion import UNKNOWN
from pytest_dynadag.graph.given import format_key
from pytest_dynadag.graph.scheduler import Scheduler
from pytest_dynadag.graph.sources import Argument, MappingForm, Output
from pytest_dynadag.graph.states import FAILED, RUNNING, SCHEDULED, Index
from pytest_dynadag.graph.structure import Structure
from pytest_dynadag.graph.values import count_instances
from pytest_dynadag.location import Location
from pytest_dynadag.run.clock import RunClock
from pytest_dynadag.run.engines.arming import GivenTasks
from pytest_dynadag.run.engines.execution import check_request
from pytest_dynadag.run.engines.surroundings import undisturbed
from pytest_dynadag.run.engines.watching import RunWatcher
from pytest_dynadag.run.observation import Observation, ObservedInstance
from pytest_dynadag.run.request import RunRequest
from pytest_dynadag.run.stuck import AirflowRaisedError, StuckRunError


class MemoryRun:
    """
    One run: passes of the scheduler, and between them the instances that it starts.

    It is the `RunState` of the supervisor that answers these instances.
    """

    def __init__(
        self, structure: Structure, watcher: RunWatcher, request: RunRequest, patience: Patience
    ) -> None:
        self.structure, self.watcher, self.request, self.patience = structure, watcher, request, patience
        self.scheduler = Scheduler(structure, behaviour_of(structure.airflow_version), self.measure)
        self.rows = self.scheduler.rows
        self.worker: Any = None
        self.executions: dict[Key, Execution] = {}
        self.process = TaskProcess()
        self._resting: dict[Key, Execution] = {}
        self._looks: Counter[Key] = Counter()

    def execute(self, worker: Any) -> str:
        """
        Let *worker* execute all that starts, pass by pass, as the loop of `DAG.test` (sdk/definitions/dag.py, 3.x).

        Returns:
            How the run has ended.

        Raises:
            StuckRunError: Nothing starts any more, and something has not ended.
            UnansweredError: A task asked for something that needs a metadata database.
        """
        self.worker = worker
        left: list[Key] = []
        with closing(self.process):
            while True:
                self._release_what_is_due()
                left = [key for key in left if self._state_of(key) == SCHEDULED]
                ready = [*left, *self._list_ready()]
                chosen = self.request.sort(ready)
                for key in chosen:
                    self._execute(key)
                left = [key for key in ready if key not in chosen] if len(chosen) < len(ready) else []
                if ready or self.scheduler.changed:
                    continue
                if (state := self.scheduler.run_state()) is not None:
                    with self.process:
                        worker.call_back(state, self._find_last(state))
                    return state
                self._wait()

    def _list_ready(self) -> list[Key]:
        """Let the scheduler go on, and return what it starts."""
        found = [
            (ready.task.task_id, -1 if index is None else index)
            for ready in self.scheduler.advance()
            for index in ready.indexes
        ]
        for key in found:
            execution = self.executions.get(key)
            if execution is None:
                execution = self.executions[key] = self.worker.make_execution(*key)
            if execution.due is None:  # a sensor that looks again goes on with the same try
                execution.try_number += 1
            execution.due = None
        return found

    def _release_what_is_due(self) -> None:
        now = datetime.now(timezone.utc)
        for key, execution in list(self._resting.items()):
            if self._moment_of(execution) <= now:
                del self._resting[key]
                if self._state_of(key) in ("up_for_retry", "up_for_reschedule"):
                    self.scheduler.release(key[0], _index(key))

    def _moment_of(self, execution: Execution) -> datetime:
        found: datetime = execution.due or self.worker.find_next_try(execution)
        return found

    def _wait(self) -> None:
        """Let the clock jump to when something is due; stop a run in which nothing ever is."""
        if not self._resting:
            raise self._make_stuck()
        self.patience.wait_until(min(map(self._moment_of, self._resting.values())))

    def _make_stuck(self, tired: Key | None = None) -> StuckRunError:
        unfinished = {
            format_key(task.task_id, index): (state or "none", task)
            for task, index, state in self.scheduler.list_unfinished()
        }
        states = {key: state for key, (state, _) in unfinished.items()}
        reasons = {key: (self.scheduler.explain(task),) for key, (_, task) in unfinished.items()}
        if tired is not None:
            key = format_key(*tired)
            states[key] = "running" if self.patience.exhausted else str(self._state_of(tired))
            reasons[key] = (too_often(waiting.LOOKS),)
        return StuckRunError(self.structure.dag_id, states, reasons)

    # -- one instance -----------------------------------------------------------------------------

    def _execute(self, key: Key) -> None:
        """Execute an instance, its triggers included; a branch of this pass may have skipped it."""
        if self._state_of(key) != SCHEDULED:
            return
        execution = self.executions[key]
        self.patience.current = key
        if self.scheduler.find_missing_length(self.structure[key[0]]):
            self.end(execution, FAILED)
            return
        while True:
            self.scheduler.hold(key[0], _index(key), RUNNING)
            with self.process:
                self._work(execution)
            if (unanswered := self.worker.supervisor.unanswered) is not None:
                raise unanswered
            self._stop_if_tired(key)
            if (
                self._state_of(key) == RUNNING
            ):  # whatever has ended the worker, Airflow would find the instance dead
                self.end(execution, FAILED)
            if self._state_of(key) != "deferred":
                return
            with self.process:
                if (state := self.worker.fire(execution)) is not None:
                    self.end(execution, state)
            self._stop_if_tired(key)
            if self._state_of(key) != "deferred":
                return

    def _work(self, execution: Execution) -> None:
        try:
            state = self.worker.execute(execution)
        except Exception as error:
            self.watcher.failed(execution.key, error)
            state = FAILED
        if state is not None and self._state_of(execution.key) == RUNNING:
            self.end(execution, state)

    def _stop_if_tired(self, key: Key) -> None:
        """Stop a run in which a sensor, or a trigger, looks over and over."""
        if self._state_of(key) == "up_for_reschedule":
            self._looks[key] += 1
        if self.patience.exhausted or self._looks[key] >= waiting.LOOKS:
            raise self._make_stuck(key)

    def _state_of(self, key: Key) -> str | None:
        return self.rows[key[0]][_index(key)]

    # -- what the supervisor looks up and tells ---------------------------------------------------

    def list_states(self) -> Iterator[tuple[str, int, str | None]]:
        """Yield task id, map index and state of every row."""
        for task_id, rows in self.rows.items():
            for index, state in enumerate(rows):
                yield task_id, -1 if rows.count is None else index, state

    def measure(self, owner: str, mapping: MappingForm) -> int | None:
        """Return the length of a mapped task or group, as far as outputs show it; see `scheduler.Measure`."""
        if any(isinstance(source, Argument) for source in mapping.sources):
            why = "a mapped group cannot be mapped over the argument of another"
            raise NotImplementedError(why)
        length = count_instances(mapping, self._look_up)
        return length if isinstance(length, int) else None

    def _look_up(self, output: Output) -> Any:
        """
        Return something as long as Airflow takes an output to be.

        Source: `get_task_map_length` (serialization/definitions/xcom_arg.py, 3.3.2): of a mapped task the XComs are
        counted, of others the length counts that was noted beside the XCom.
        """
        store = self.worker.supervisor.store
        if self.structure[output.task_id].mapping is not None:
            return range(store.count_returned(output.task_id))
        length = store.lengths.get((output.task_id, -1))
        return UNKNOWN if length is None else range(length)

    def measure_group(self, group_id: str) -> int | None:
        """Return the length of a mapped group; None where it is not known."""
        mapping = self.structure.groups_by_id[group_id].mapping
        length = self.scheduler.measure(group_id, mapping) if mapping else None
        return length if isinstance(length, int) else None

    def end(self, execution: Execution, state: str) -> None:
        """Note that an instance has left its worker in *state*: an end, or one in which it waits."""
        task_id, index = execution.task_id, _index(execution.key)
        if state in ("up_for_retry", "up_for_reschedule"):
            self._resting[execution.key] = execution
        if state in ("up_for_retry", "up_for_reschedule", "deferred", "awaiting_input"):
            self.scheduler.hold(task_id, index, state)
            return
        execution.end = datetime.now(timezone.utc)
        self.scheduler.end(task_id, index, state)
        if state == FAILED and self.structure.fails_fast:
            self.scheduler.stop(task_id)

    def decide(self, execution: Execution, decision: Mapping[str, list[str]]) -> None:
        """Note what a branch or short circuit has decided: `followed` or `skipped` task ids, as in its XCom."""
        direct = self.structure.downstream[execution.task_id]
        skipped = decision.get("skipped") or [
            name for name in direct if name not in decision.get("followed", direct)
        ]
        self.scheduler.note_decision(self.structure[execution.task_id], _index(execution.key), skipped)

    def skip(self, task_id: str, index: int) -> None:
        """Skip a row below a branch; without an index every row of the task, where this Airflow does so."""
        rows = self.rows[task_id]
        if index < 0 and rows.count is not None and self.scheduler.behaviour.short_circuit_reaches_indexes:
            for each in range(rows.count):
                self.scheduler.mark_skipped(task_id, each)
        elif (index < 0) == (rows.count is None) and index < len(rows):
            self.scheduler.mark_skipped(task_id, None if index < 0 else index)

    # -- the whole --------------------------------------------------------------------------------

    def _find_last(self, state: str) -> Execution | None:
        """Return the instance that ended last of those that ended as the run did."""
        ended = [(e.end, key) for key, e in self.executions.items() if self._state_of(key) == state and e.end]
        return self.executions[max(ended)[1]] if ended else None

    def list_instances(self) -> Iterator[ObservedInstance]:
        """Yield every row, by task id and map index."""
        for task_id, index, state in sorted(self.list_states(), key=lambda row: row[:2]):
            execution = self.executions.get((task_id, index))
            label, tries = (execution.label, execution.try_number) if execution else (None, 0)
            yield ObservedInstance(task_id, index, state or "none", label, tries)


def _index(key: Key) -> Index:
    return None if key[1] < 0 else key[1]


def run_in_memory(dag: Any, request: RunRequest | None = None) -> Observation:
    """
    Run *dag* once without a database, and return what it did.

    Arguments and errors are those of `execution.execute`, and:

    Raises:
        UnansweredError: A task asked for something that needs a metadata database.
    """
    airflow, request = bridge(), request or RunRequest()
    given = GivenTasks(airflow, dag, request.given)
    watcher = RunWatcher(airflow, dag, given)
    check_request(dag, request)
    if request.moment is not None:
        _warm_up(airflow)
    started = time.clock_gettime(time.CLOCK_MONOTONIC)
    with undisturbed(request, dag.fileloc):
        seen = _run(airflow, dag, request, watcher)
    given.check(Counter(row.task_id for row in seen["instances"] if row.index >= 0))
    return Observation(**seen, seconds=time.clock_gettime(time.CLOCK_MONOTONIC) - started)


def _run(airflow: Bridge, dag: Any, request: RunRequest, watcher: RunWatcher) -> dict[str, Any]:
    clock = RunClock(request.moment)
    patience = Patience(clock)
    try:
        run = MemoryRun(structure_of(dag), watcher, request, patience)
        with (
            watcher.capture.listening(),
            clock.running(),
            airflow.watched(watcher),
            sleepless(patience),
            in_memory(dag, request.siblings, request.moment, request.conf, run) as worker,
        ):
            state = run.execute(worker)
            xcoms = worker.read_xcoms()
    except (StuckRunError, UnansweredError):
        raise
    except Exception as error:
        frame, line = list(walk_tb(error.__traceback__))[-1]
        raise AirflowRaisedError(dag.dag_id, error, Location(frame.f_code.co_filename, line)) from error
    instances = tuple(run.list_instances())
    failed = {(each.task_id, each.index) for each in instances if each.state == FAILED}
    return {
        "dag_id": dag.dag_id,
        "run_id": worker.run_id,
        "state": state,
        "logical_date": worker.logical_date,
        "instances": instances,
        "xcoms": xcoms,
        "errors": {key: error for key, error in watcher.errors.items() if key in failed},
        "inputs": dict(watcher.inputs),
        "log_texts": {key: sink.getvalue() for key, sink in watcher.sinks.items()},
    }


_WARM: list[bool] = []


def _warm_up(airflow: Bridge) -> None:
    """Run a DAG of two tasks, once per process: a clock may only stand still when the run path is loaded."""
    if not _WARM:
        _WARM.append(True)
        run_in_memory(airflow.make_smallest_dag())
