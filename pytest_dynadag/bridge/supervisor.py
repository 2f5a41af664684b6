"""A supervisor in memory: answers what Airflow 3's own task runner asks while it executes the instances of a run."""

# Source: `InProcessTestSupervisor` (sdk/execution_time/supervisor.py) and the routes of the execution API
# (api_fastapi/execution_api/routes), 3.0.6 to 3.4.0b2. There a message becomes a request, and a request rows of a
# database; here it is answered at once. Values are kept as JSON text: no instance shares an object with another.

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timezone
from importlib import import_module
from typing import Any, Protocol

from pytest_dynadag.bridge.asset_events import AssetEvents
from pytest_dynadag.bridge.lines import find_user_line
from pytest_dynadag.bridge.protocol import Key
from pytest_dynadag.errors import DynadagError
from pytest_dynadag.graph.given import RETURN_VALUE, format_key
from pytest_dynadag.location import Location


class UnansweredError(DynadagError):
    """A task asked for *what*, at *location*, which a run without a metadata database does not have."""

    def __init__(self, key: Key, what: str, location: Location | None) -> None:
        self.key, self.what, self.location = key, what, location
        where = f" at {location}" if location else ""
        super().__init__(
            f"{format_key(*key)} asks for {what}{where}, which a run without a metadata database does not have\n"
            f'  next: run it with engine="airflow", or give the task an output, given={{{key[0]!r}: ...}}'
        )


class Execution:
    """
    One instance as its worker sees it: what Airflow keeps in a row beside the state.

    Attributes:
        task_id, index: Which instance; the index is -1 where it has none.
        id: As Airflow's tasks know it, another for each try.
        try_number, max_tries: How often it was started, and how often it may be.
        start, end: When its last try started, and ended.
        label: Its rendered `map_index_template`.
        next_method, next_kwargs: With what it goes on when its trigger has fired.
        trigger, deadline: What it waits for, as class path and arguments, and until when.
        looks: When a sensor has looked, of this try.
        due: When a sensor looks again.
        delay: In how many seconds it is to be tried again, where a policy says so.
        terminal: The message with which its worker has told its end.
    """

    __slots__ = (
        *("deadline", "delay", "due", "end", "id", "index", "label", "looks", "max_tries", "next_kwargs"),
        *("next_method", "start", "task_id", "terminal", "trigger", "try_number"),
    )

    def __init__(self, task_id: str, index: int, max_tries: int) -> None:
        self.task_id, self.index, self.max_tries = task_id, index, max_tries
        self.id = uuid.uuid4()
        self.try_number = 0
        self.start: datetime | None = None
        self.end: datetime | None = None
        self.label: str | None = None
        self.next_method: str | None = None
        self.next_kwargs: Any = None
        self.trigger: tuple[str, Any] | None = None
        self.deadline: datetime | None = None
        self.looks: list[datetime] = []
        self.due: datetime | None = None
        self.delay: float | None = None
        self.terminal: Any = None

    @property
    def key(self) -> Key:
        """Task id and map index."""
        return self.task_id, self.index


class RunState(Protocol):
    """What the supervisor looks up in the run, and tells it."""

    def list_states(self) -> Iterable[tuple[str, int, str | None]]:
        """Return task id, map index and state of every row."""

    def measure_group(self, group_id: str) -> int | None:
        """Return the length of a mapped group; None where it is not known."""

    def end(self, execution: Execution, state: str) -> None:
        """Note that an instance has left its worker in *state*: an end, or one in which it waits."""

    def decide(self, execution: Execution, decision: Mapping[str, list[str]]) -> None:
        """Note what a branch or short circuit has decided: `followed` or `skipped` task ids, as in its XCom."""

    def skip(self, task_id: str, index: int) -> None:
        """Skip a row below a branch."""


class Store:
    """
    The XComs of a run as JSON text, and the lengths of those that something is mapped over.

    *texts* leads from task id and key to the text by map index, *lengths* from task id and map index to the length.
    """

    def __init__(self) -> None:
        self.texts: dict[str, dict[str, dict[int, str]]] = {}
        self.lengths: dict[Key, int] = {}
        self._ordered: dict[tuple[str, str], list[int]] = {}

    def put(self, task_id: str, index: int, key: str, value: Any) -> None:
        """Keep a value; raises what `json` raises."""
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        self.texts.setdefault(task_id, {}).setdefault(key, {})[index] = text
        self._ordered.pop((task_id, key), None)

    def get(self, task_id: str, index: int, key: str) -> Any:
        """Return a value; None where there is none."""
        text = self.texts.get(task_id, {}).get(key, {}).get(index)
        return None if text is None else json.loads(text)

    def remove(self, task_id: str, index: int, key: str) -> None:
        """Remove a value, if it is there."""
        self.texts.get(task_id, {}).get(key, {}).pop(index, None)
        self._ordered.pop((task_id, key), None)

    def list_indexes(self, task_id: str, key: str) -> list[int]:
        """Return the map indexes that have a value, in their order."""
        if (task_id, key) not in self._ordered:
            self._ordered[task_id, key] = sorted(self.texts.get(task_id, {}).get(key, ()))
        return self._ordered[task_id, key]

    def list_keys(self, task_id: str, index: int) -> list[str]:
        """Return the keys under which an instance, or one without an index any instance of its task, has a value."""
        return [
            key
            for key, by_index in self.texts.get(task_id, {}).items()
            if by_index and (index < 0 or index in by_index)
        ]

    def count_returned(self, task_id: str) -> int:
        """Return how many instances of a mapped task have a return value."""
        return sum(index >= 0 for index in self.list_indexes(task_id, RETURN_VALUE))

    def __iter__(self) -> Iterator[tuple[tuple[str, int, str], Any]]:
        """Yield task id, map index and key, with the value."""
        for task_id, by_key in self.texts.items():
            for key, by_index in by_key.items():
                for index, text in by_index.items():
                    yield (task_id, index, key), json.loads(text)


class Supervisor:
    """
    Answers the messages of the task runner (`sdk/execution_time/comms.py`), each by the method of its name.

    Attributes:
        run_data: What the execution API tells of the run.
        store: The XComs of the run.
        execution: The instance that is executed.
        unanswered: The first message that had no answer. Airflow's runner takes every exception in a task for a
            failure of that task, so that this one has to be raised again afterwards.
    """

    def __init__(self, dag: Any, siblings: Iterable[Any], run_data: Mapping[str, Any], run: RunState) -> None:
        from airflow.sdk.execution_time import comms

        self.comms, self.run, self.dag_id = comms, run, dag.dag_id
        self.run_data, self.run_id = run_data, run_data["run_id"]
        self.store = Store()
        self.execution = Execution("", -1, 0)
        self.unanswered: UnansweredError | None = None
        self._dags = {each.dag_id for each in (dag, *siblings)}
        self._runs = {(self.dag_id, self.run_id): run_data}
        self._assets = AssetEvents(dag)
        self._variables: dict[str, str | None] = {}
        self._kept: dict[object, dict[str, str]] = {}
        self._answers: dict[type, Callable[[Any], Any]] = {}

    async def asend(self, msg: Any) -> Any:
        """Return the answer to a message that a coroutine sends."""
        return self.send(msg)

    def send(self, msg: Any) -> Any:
        """Return the answer to a message; the SDK calls this by its name."""
        kind = type(msg)
        answer = self._answers.get(kind)
        if answer is None:
            answer = self._answers[kind] = getattr(self, f"on_{kind.__name__}", self._refuse)
        return answer(msg)

    def _refuse(self, msg: Any) -> Any:
        raise self.miss(f"{type(msg).__name__} of the supervisor")

    def miss(self, what: str) -> UnansweredError:
        """Return the error about something that there is not, and keep it: a task may catch it."""
        self.unanswered = self.unanswered or UnansweredError(self.execution.key, what, find_user_line())
        return self.unanswered

    # -- XComs ------------------------------------------------------------------------------------

    def _is_own(self, msg: Any) -> bool:
        return bool(msg.dag_id == self.dag_id and msg.run_id == self.run_id)

    def on_GetXCom(self, msg: Any) -> Any:  # noqa: N802 - here and below, the names of the messages
        """Return one XCom; other runs have none."""
        value = self.store.get(msg.task_id, _index(msg), msg.key) if self._is_own(msg) else None
        return self.comms.XComResult.model_construct(key=msg.key, value=value, type="XComResult")

    def on_SetXCom(self, msg: Any) -> None:  # noqa: N802
        """Keep an XCom, and how long it is where something is mapped over it."""
        from airflow.sdk.execution_time.task_runner import conf

        length = getattr(msg, "mapped_length", None)
        if length is not None:
            if length > conf.getint("core", "max_map_length", fallback=1024):
                reason = "unmappable_return_value_length"
                refuse_request(400, reason, "pushed value is too large to map as a downstream's dependency")
            self.store.lengths[msg.task_id, _index(msg)] = length
        self.store.put(msg.task_id, _index(msg), msg.key, msg.value)
        if msg.key == "skipmixin_key" and msg.task_id == self.execution.task_id:
            self.run.decide(self.execution, msg.value)

    def on_DeleteXCom(self, msg: Any) -> None:  # noqa: N802
        """Remove an XCom."""
        self.store.remove(msg.task_id, _index(msg), msg.key)

    def on_GetXComCount(self, msg: Any) -> Any:  # noqa: N802
        """Return how many instances of a task have an XCom."""
        found = self.store.list_indexes(msg.task_id, msg.key) if self._is_own(msg) else ()
        return self.comms.XComCountResponse(len=len(found))

    def on_GetXComSequenceItem(self, msg: Any) -> Any:  # noqa: N802
        """Return the XCom at a position among those of a task's instances."""
        indexes = self.store.list_indexes(msg.task_id, msg.key) if self._is_own(msg) else []
        try:
            index = indexes[msg.offset]
        except IndexError:
            names = ("dag_id", "run_id", "task_id", "key", "offset")
            return self._error("XCOM_NOT_FOUND", {name: getattr(msg, name) for name in names})
        return self.comms.XComSequenceIndexResult(root=self.store.get(msg.task_id, index, msg.key))

    def on_GetXComSequenceSlice(self, msg: Any) -> Any:  # noqa: N802
        """Return a slice of the XComs of a task's instances."""
        indexes = self.store.list_indexes(msg.task_id, msg.key) if self._is_own(msg) else []
        chosen = indexes[slice(msg.start, msg.stop, msg.step)]
        found = [self.store.get(msg.task_id, index, msg.key) for index in chosen]
        return self.comms.XComSequenceSliceResult(root=found)

    # -- how an instance ends ---------------------------------------------------------------------

    def on_SetRenderedFields(self, msg: Any) -> None:  # noqa: N802
        """Keep nothing: it is shown in the UI alone."""

    def on_SetExecutionTimeout(self, msg: Any) -> None:  # noqa: N802
        """Do nothing: the task runner itself ends a task that takes too long (3.4)."""

    def on_SetRenderedMapIndex(self, msg: Any) -> None:  # noqa: N802
        """Keep a label."""
        self.execution.label = msg.rendered_map_index

    def on_SucceedTask(self, msg: Any) -> None:  # noqa: N802
        """Note a success, and the assets that were changed."""
        self.execution.label = msg.rendered_map_index
        self._assets.add(self.execution.key, self.run_id, msg.task_outlets or (), msg.outlet_events or ())
        self.run.end(self.execution, "success")

    def on_TaskState(self, msg: Any) -> None:  # noqa: N802
        """Note an end that is not a success; it counts when the worker has done with the instance."""
        self.execution.terminal = msg

    def on_RetryTask(self, msg: Any) -> None:  # noqa: N802
        """Note that an instance is to be tried again."""
        self.execution.end = msg.end_date
        self.execution.delay = getattr(msg, "retry_delay_seconds", None)
        self.execution.looks = []
        self.run.end(self.execution, "up_for_retry")

    def on_RescheduleTask(self, msg: Any) -> None:  # noqa: N802
        """Note that a sensor looks again later."""
        self.execution.looks.append(self.execution.start or msg.end_date)
        self.execution.due = msg.reschedule_date
        self.run.end(self.execution, "up_for_reschedule")

    def on_DeferTask(self, msg: Any) -> None:  # noqa: N802
        """Note the trigger that an instance waits for."""
        timeout = msg.trigger_timeout
        self.execution.trigger = msg.classpath, msg.trigger_kwargs
        self.execution.deadline = None if timeout is None else datetime.now(timezone.utc) + timeout
        self.execution.next_method, self.execution.next_kwargs = msg.next_method, msg.next_kwargs
        self.run.end(self.execution, "deferred")

    def on_AwaitInputTask(self, msg: Any) -> None:  # noqa: N802
        """Note that an instance waits for a person."""
        self.run.end(self.execution, "awaiting_input")

    def on_SkipDownstreamTasks(self, msg: Any) -> None:  # noqa: N802
        """Skip the rows below a branch: by task id, or by task id and map index."""
        for each in msg.tasks:
            self.run.skip(*((each, -1) if isinstance(each, str) else each))

    # -- Variables and Connections ----------------------------------------------------------------

    def on_GetVariable(self, msg: Any) -> Any:  # noqa: N802
        """Return a Variable that a task has set: those that are given come from the environment."""
        if msg.key in self._variables:
            return self.comms.VariableResult(key=msg.key, value=self._variables[msg.key])
        return self._error("VARIABLE_NOT_FOUND", {"key": msg.key})

    def on_GetVariableKeys(self, msg: Any) -> Any:  # noqa: N802
        """Return the names of the Variables that tasks have set."""
        names = sorted(name for name in self._variables if name.startswith(msg.prefix or ""))
        end = None if msg.limit is None else msg.offset + msg.limit
        return self.comms.VariableKeysResult(keys=names[msg.offset : end], total_entries=len(names))

    def on_PutVariable(self, msg: Any) -> None:  # noqa: N802
        """Set a Variable for the rest of the run."""
        self._variables[msg.key] = msg.value

    def on_DeleteVariable(self, msg: Any) -> Any:  # noqa: N802
        """Remove a Variable that a task has set."""
        self._variables.pop(msg.key, None)
        return self._done()

    def on_GetConnection(self, msg: Any) -> Any:  # noqa: N802
        """Find no Connection: those that are given come from the environment."""
        return self._error("CONNECTION_NOT_FOUND", {"conn_id": msg.conn_id})

    def on_MaskSecret(self, msg: Any) -> None:  # noqa: N802
        """Hide a secret in what Airflow logs."""
        from airflow.sdk.log import mask_secret

        mask_secret(msg.value, msg.name)

    # -- this run, and others ---------------------------------------------------------------------

    def on_GetTICount(self, msg: Any) -> Any:  # noqa: N802
        """Return how many rows of this run are in some states."""
        return self.comms.TICount(count=len(self._list_rows(msg, msg.states)))

    def on_GetTaskStates(self, msg: Any) -> Any:  # noqa: N802
        """Return the states of the rows of this run."""
        found = self._list_rows(msg, None)
        states = {name if index < 0 else f"{name}_{index}": state for name, index, state in found}
        return self.comms.TaskStatesResult(task_states={self.run_id: states} if states else {})

    def _list_rows(self, msg: Any, states: Any) -> list[tuple[str, int, str | None]]:
        """Return the rows that a message means; those of other runs, there are none."""
        if msg.dag_id != self.dag_id or (msg.run_ids and self.run_id not in msg.run_ids):
            return []
        if not self._is_date_meant(msg, self.run_data):
            return []
        if msg.task_group_id:
            raise self.miss(f"{type(msg).__name__} of a task group")
        return [
            (name, index, state)
            for name, index, state in self.run.list_states()
            if (not msg.task_ids or name in msg.task_ids)
            and (msg.map_index is None or index == msg.map_index)
            and (not states or (state or "null") in states)
        ]

    @staticmethod
    def _is_date_meant(msg: Any, run_data: Mapping[str, Any]) -> bool:
        dates = [date.isoformat() for date in msg.logical_dates or ()]
        return not dates or run_data["logical_date"] in dates

    def on_GetTaskBreadcrumbs(self, msg: Any) -> Any:  # noqa: N802
        """Return the rows of this run that have ended."""
        ended = ("success", "failed", "skipped", "upstream_failed", "removed")
        rows = self.run.list_states() if self._is_own(msg) else ()
        crumbs = [
            {"task_id": name, "map_index": index, "state": state, "operator": None, "duration": None}
            for name, index, state in rows
            if state in ended
        ]
        return self.comms.TaskBreadcrumbsResult.model_construct(
            breadcrumbs=crumbs, type="TaskBreadcrumbsResult"
        )

    def on_GetDRCount(self, msg: Any) -> Any:  # noqa: N802
        """Return how many runs there are: this one, and those that it has triggered."""
        count = sum(
            dag_id == msg.dag_id
            and (not msg.run_ids or run_id in msg.run_ids)
            and (not msg.states or data["state"] in msg.states)
            and self._is_date_meant(msg, data)
            for (dag_id, run_id), data in self._runs.items()
        )
        return self.comms.DRCount(count=count)

    def on_GetDagRun(self, msg: Any) -> Any:  # noqa: N802
        """Return what is known of a run."""
        return self.comms.DagRunResult.model_validate({**self._find_run(msg), "type": "DagRunResult"})

    def on_GetDagRunState(self, msg: Any) -> Any:  # noqa: N802
        """Return the state of a run; one that was triggered stays queued."""
        return self.comms.DagRunStateResult(state=self._find_run(msg)["state"])

    def _find_run(self, msg: Any) -> Mapping[str, Any]:
        found = self._runs.get((msg.dag_id, msg.run_id))
        if found is None:
            why = f"The Dag Run with dag_id: `{msg.dag_id}` and run_id: `{msg.run_id}` was not found"
            refuse_request(404, "not_found", why)
        assert found is not None
        return found

    def on_TriggerDagRun(self, msg: Any) -> Any:  # noqa: N802
        """Note a run of this or another DAG of the file; it is not executed."""
        if msg.dag_id not in self._dags:
            refuse_request(404, "not_found", f"Dag with dag_id: '{msg.dag_id}' not found")
        key = msg.dag_id, msg.run_id
        if key in self._runs and not msg.reset_dag_run:
            return self._error("DAGRUN_ALREADY_EXISTS", None)
        at = None if msg.logical_date is None else msg.logical_date.isoformat()
        own = {
            "dag_id": msg.dag_id,
            "run_id": msg.run_id,
            "run_type": "operator_triggered",
            "state": "queued",
        }
        times = {"logical_date": at, "data_interval_start": at, "data_interval_end": at, "start_date": None}
        self._runs[key] = {**self.run_data, **own, **times, "conf": msg.conf or {}}
        return self._done()

    def on_UpdateDagRunNote(self, msg: Any) -> Any:  # noqa: N802
        """Keep nothing: a note is shown in the UI alone."""
        return self._done()

    def on_GetDag(self, msg: Any) -> Any:  # noqa: N802
        """Return what is known of a DAG of the file."""
        if msg.dag_id not in self._dags:
            refuse_request(404, "not_found", f"The Dag with dag_id: `{msg.dag_id}` was not found")
        known = self.comms.DagResult.model_fields
        empty = {name: None for name in known if name not in ("dag_id", "is_paused", "tags", "type")}
        return self.comms.DagResult.model_construct(dag_id=msg.dag_id, is_paused=False, tags=[], **empty)

    def on_GetPreviousDagRun(self, msg: Any) -> Any:  # noqa: N802
        """Find no run before this one."""
        return self.comms.PreviousDagRunResult(dag_run=None)

    def on_GetPrevSuccessfulDagRun(self, msg: Any) -> Any:  # noqa: N802
        """Find no run before this one."""
        return self.comms.PrevSuccessfulDagRunResult()

    def on_GetPreviousTI(self, msg: Any) -> Any:  # noqa: N802
        """Find no instance of a run before this one."""
        return self.comms.PreviousTIResult(task_instance=None)

    def on_GetTaskRescheduleStartDate(self, msg: Any) -> Any:  # noqa: N802
        """Return when a sensor looked for the first time."""
        looks = self.execution.looks
        return self.comms.TaskRescheduleStartDate(start_date=looks[0] if looks else None)

    # -- assets -----------------------------------------------------------------------------------

    def on_ValidateInletsAndOutlets(self, msg: Any) -> Any:  # noqa: N802
        """Find no asset inactive: what the DAG names is active while it runs."""
        return self.comms.InactiveAssetsResult(inactive_assets=[])

    def on_GetAssetByName(self, msg: Any) -> Any:  # noqa: N802
        """Return the asset with a name."""
        return self._answer_asset(self._assets.find(name=msg.name), {"name": msg.name})

    def on_GetAssetByUri(self, msg: Any) -> Any:  # noqa: N802
        """Return the asset with a URI."""
        return self._answer_asset(self._assets.find(uri=msg.uri), {"uri": msg.uri})

    def _answer_asset(self, found: dict[str, Any] | None, asked: dict[str, Any]) -> Any:
        return self._error("ASSET_NOT_FOUND", asked) if found is None else self.comms.AssetResult(**found)

    def on_GetAssetsByAlias(self, msg: Any) -> Any:  # noqa: N802
        """Return the assets that events were attached to by an alias."""
        return self.comms.AssetsByAliasResult(assets=self._assets.list_by_alias(msg.alias_name))

    def on_GetAssetEventByAsset(self, msg: Any) -> Any:  # noqa: N802
        """Return the events of an asset."""
        return self._answer_events(self._assets.list_events(msg, name=msg.name, uri=msg.uri))

    def on_GetAssetEventByAssetAlias(self, msg: Any) -> Any:  # noqa: N802
        """Return the events that were attached by an alias."""
        return self._answer_events(self._assets.list_events(msg, alias=msg.alias_name))

    def _answer_events(self, events: list[dict[str, Any]]) -> Any:
        return self.comms.AssetEventsResult(asset_events=events)

    # -- what tasks and assets keep ---------------------------------------------------------------

    def on_GetTaskStateStore(self, msg: Any) -> Any:  # noqa: N802
        """Return what an instance has kept for its next try."""
        return self._read_kept(self.execution.key, msg.key, "Task")

    def on_SetTaskStateStore(self, msg: Any) -> Any:  # noqa: N802
        """Keep something for the next try of an instance."""
        return self._keep(self.execution.key, msg)

    def on_DeleteTaskStateStore(self, msg: Any) -> Any:  # noqa: N802
        """Forget what an instance has kept under a key."""
        return self._forget(self.execution.key, msg.key)

    def on_ClearTaskStateStore(self, msg: Any) -> Any:  # noqa: N802
        """Forget all that an instance has kept."""
        return self._forget(self.execution.key)

    def on_GetAssetStateStoreByName(self, msg: Any) -> Any:  # noqa: N802
        """Return what was kept for an asset."""
        return self._read_kept(self._assets.name_of(msg), msg.key, "Asset")

    def on_SetAssetStateStoreByName(self, msg: Any) -> Any:  # noqa: N802
        """Keep something for an asset."""
        return self._keep(self._assets.name_of(msg), msg)

    def on_DeleteAssetStateStoreByName(self, msg: Any) -> Any:  # noqa: N802
        """Forget what was kept for an asset under a key."""
        return self._forget(self._assets.name_of(msg), msg.key)

    def on_ClearAssetStateStoreByName(self, msg: Any) -> Any:  # noqa: N802
        """Forget all that was kept for an asset."""
        return self._forget(self._assets.name_of(msg))

    on_GetAssetStateStoreByUri = on_GetAssetStateStoreByName  # noqa: N815
    on_SetAssetStateStoreByUri = on_SetAssetStateStoreByName  # noqa: N815
    on_DeleteAssetStateStoreByUri = on_DeleteAssetStateStoreByName  # noqa: N815
    on_ClearAssetStateStoreByUri = on_ClearAssetStateStoreByName  # noqa: N815

    def _read_kept(self, owner: object, key: str, kind: str) -> Any:
        kept = self._kept.get(owner, {})
        if key not in kept:
            return self._error(f"{kind.upper()}_STORE_NOT_FOUND", {"key": key})
        return getattr(self.comms, f"{kind}StateStoreResult")(value=json.loads(kept[key]))

    def _keep(self, owner: object, msg: Any) -> Any:
        self._kept.setdefault(owner, {})[msg.key] = json.dumps(msg.value)
        return self._done()

    def _forget(self, owner: object, key: str | None = None) -> Any:
        if key is None:
            self._kept.pop(owner, None)
        else:
            self._kept.get(owner, {}).pop(key, None)
        return self._done()

    # -- people -----------------------------------------------------------------------------------

    def on_CreateHITLDetailPayload(self, msg: Any) -> Any:  # noqa: N802
        """Note what a person is asked."""
        return self.comms.HITLDetailRequestResult.model_construct(**msg.model_dump(exclude={"type"}))

    # -- answers ----------------------------------------------------------------------------------

    def _done(self) -> Any:
        return self.comms.OKResponse(ok=True)

    def _error(self, kind: str, detail: dict[str, Any] | None) -> Any:
        from airflow.sdk.exceptions import ErrorType

        return self.comms.ErrorResponse(error=ErrorType[kind], detail=detail)


def _index(msg: Any) -> int:
    return -1 if msg.map_index is None or msg.map_index < 0 else int(msg.map_index)


def refuse_request(status: int, reason: str, message: str) -> None:
    """Raise what the SDK's client makes of a refusal of the execution API (`raise_on_4xx_5xx`, sdk/api/client.py)."""
    from airflow.sdk.api import client

    # The library that the client is made with: httpx, from 3.4 on httpx2.
    base = next(
        kind for kind in client.Client.__mro__ if kind.__module__.partition(".")[0] in ("httpx", "httpx2")
    )
    httpx = import_module(base.__module__.partition(".")[0])
    request = httpx.Request("POST", "http://in-process.invalid./")
    answer = httpx.Response(status, json={"detail": {"reason": reason, "message": message}}, request=request)
    client.raise_on_4xx_5xx(answer)
