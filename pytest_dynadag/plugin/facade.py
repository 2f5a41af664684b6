"""What the `dynadag` fixture hands to a test: load, plan, run, sizes, each a call and a plain result."""

# Airflow is imported when a call needs it, in a home that is settled before; planning a DAG of the folder by its id
# needs only the generation record, unless the DAG applies functions of its own (`.map()`).

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from pytest_dynadag.errors import ArgumentError, DynadagError, UnknownNameError, enumerate_some, require

if TYPE_CHECKING:
    from pytest_dynadag.generate.divergences import Determinism
    from pytest_dynadag.graph.expansion import Expansion
    from pytest_dynadag.graph.sizes import Sizes
    from pytest_dynadag.graph.structure import Structure
    from pytest_dynadag.plugin.recording import Recording
    from pytest_dynadag.plugin.workplace import Bag, Workplace
    from pytest_dynadag.run.request import Order
    from pytest_dynadag.run.runner import Run

DEFAULTS = ("given", "states", "params", "conf", "variables", "connections", "env", "at", "engine", "order")
"""What `@pytest.mark.dynadag(...)` may set for the calls of one test."""

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def from_the_call(method: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Let errors that are meant for the user come from the call in the user's test: our own lines explain nothing."""

    @wraps(method)
    def call(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        __tracebackhide__ = True
        try:
            return method(*args, **kwargs)
        except (DynadagError, AssertionError) as error:
            raise error.with_traceback(None) from error.__cause__

    return call


@dataclass(frozen=True, slots=True, repr=False)
class Dynadag:
    """
    Loads, plans and runs DAGs, isolated from the machine's own Airflow.

    *defaults* stand in for arguments that a call leaves out; they come from `@pytest.mark.dynadag(...)`.
    """

    workplace: Workplace
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        defaults = f", by default {', '.join(self.defaults)}" if self.defaults else ""
        return f"<Dynadag: bags loaded: {len(self.workplace.bags)}{defaults}>"

    @from_the_call
    def load(
        self,
        path: str | Path | None = None,
        *,
        variables: Mapping[str, Any] | None = None,
        connections: Mapping[str, Any] | None = None,
        env: Mapping[str, str | None] | None = None,
    ) -> Bag:
        """
        Parse a DAG file or folder in memory; a fresh parse where something is given, else once a session.

        Args:
            path: Relative to pytest's rootdir; without it the DAG folders of the session.
            variables: Airflow Variables by name, visible while the files are parsed. What is not text
                becomes JSON.
            connections: Airflow Connections by id: a URI, or their fields.
            env: Environment variables; None removes one.
        """
        metadata = self._metadata(variables, connections, env)
        return self.workplace.load(self._paths(path), metadata)

    @from_the_call
    def plan(
        self,
        dag: Any,
        *,
        given: Mapping[Any, Any] | None = None,
        states: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        conf: Mapping[str, Any] | None = None,
        strict: bool = True,
        variables: Mapping[str, Any] | None = None,
        connections: Mapping[str, Any] | None = None,
        env: Mapping[str, str | None] | None = None,
    ) -> Expansion:
        """
        Compute what a DAG becomes, without running anything.

        Args:
            dag: A dag_id, an Airflow DAG object, or a Structure.
            given: Outputs by task id: one value, or for a mapped task one per index or a callable of the inputs of an
                instance; `Skipped` or `Failed("why")` in their place. (task id, key) for other XCom keys.
            states: `skipped` or `failed` by task id or instance key.
            params: What labels may ask for as `params`.
            conf: What labels may ask for as `dag_run.conf`.
            strict: Whether outputs that decide a length must be given; otherwise they leave `task[?]`.
            variables: As for `load`; with *connections* and *env* the DAG's file is parsed anew.
            connections: As for `load`.
            env: As for `load`.

        Raises:
            MissingGivenError: Outputs that decide a length are absent; all are listed.
            UnknownNameError: There is no such DAG or task; the nearest are named.
        """
        from pytest_dynadag.bridge.labels import make_labeller
        from pytest_dynadag.graph.given import Given
        from pytest_dynadag.graph.planner import plan
        from pytest_dynadag.render.snapshot import digest_given

        asked = self._complete(given=given, states=states, params=params, conf=conf)
        metadata = self._metadata(variables, connections, env)
        known = Given.of(**asked, max_map_length=self.workplace.session.max_map_length)
        structure = self._structure(dag, metadata)
        label = make_labeller(asked["params"], asked["conf"])
        expansion = plan(structure, known, strict=strict, label=label)
        expansion = replace(expansion, given=digest_given({**asked, **metadata}))
        self._recording.note_plan(structure, expansion)
        return expansion

    @from_the_call
    def sizes(self, dag: Any, lengths: Iterable[int] = (0, 1, 2, 5)) -> Sizes:
        """
        Plan a DAG for every combination of lengths worth looking at.

        Args:
            dag: As for `plan`.
            lengths: How long each run-time source is made, one at a time and all together.

        Returns:
            Plans by name, such as `list_regions=0`; `as written` where nothing is decided at run time. All of
            them can be shown together: `to_text()`, `to_mermaid()`, and in a notebook.
        """
        from pytest_dynadag.bridge.labels import make_labeller
        from pytest_dynadag.graph.sizes import plan_sizes

        structure = self._structure(dag, self._metadata())
        plans = plan_sizes(structure, lengths, label=make_labeller())
        self._recording.note_sizes("sizes", structure, plans)
        return plans

    @from_the_call
    def run(
        self,
        dag: Any,
        *,
        given: Mapping[Any, Any] | None = None,
        states: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        conf: Mapping[str, Any] | None = None,
        variables: Mapping[str, Any] | None = None,
        connections: Mapping[str, Any] | None = None,
        env: Mapping[str, str | None] | None = None,
        at: datetime | date | str | None = None,
        engine: str | None = None,
        order: Order = None,
        only: Iterable[str] | None = None,
        until: str | None = None,
    ) -> Run:
        """
        Execute a DAG through Airflow, to its end, and observe what it became.

        Args:
            dag: A dag_id (its file is parsed anew), or an Airflow DAG object, also one built in the test.
            given: As for `plan`; given tasks are not executed, their outputs are recorded as if they had run.
            states: As for `plan`.
            params: Values for the DAG's params.
            conf: The run's configuration; params are added to it, as Airflow does.
            variables: As for `load`; visible to the parse and to the tasks.
            connections: As for `load`.
            env: As for `load`.
            at: The logical date, as datetime or ISO text; the clock stands there.
            engine: `direct`, or `airflow` for Airflow's own `dag.test()`.
            order: None (by task, then index), `"reverse"`, or a number that seeds another order.
            only: The ids of the tasks that run; what they need from other tasks must be given.
            until: The id of a task that runs with all that it waits for; the rest of the DAG does not.

        Raises:
            StuckRunError: The run cannot finish; the message lists what is stuck and why.
            MissingGivenError: A part is to run, and outputs that it needs are absent; all are listed.
            UnknownNameError: There is no such DAG or task; the nearest are named.
        """
        from pytest_dynadag.run.runner import run_dag

        session = self.workplace.session
        metadata = self._metadata(variables, connections, env)
        found = self._dag_object(dag, metadata)
        asked = {**self._complete(given=given, states=states, params=params, conf=conf, at=at), **metadata}
        run = run_dag(
            found,
            **asked,
            order=self._or_default("order", order),
            engine=self._or_default("engine", engine) or session.options.engine,
            max_map_length=session.max_map_length,
            allow=session.allowances,
            siblings=self._find_callees(found),
            only=only,
            until=until,
        )
        return self._note_run(found, run, asked)

    @from_the_call
    def write_case(self, run: Run, name: str = "recorded", *, dag: Any = None) -> str:
        """
        Write what a run left as a case file with one case: what decided, and how many instances came of it.

        Secrets are hidden. An output that a case file cannot hold is left out, and a comment says so.

        Args:
            run: What `run` gave.
            name: Of the case.
            dag: What was run, where it is no DAG of the folder: an Airflow DAG object, or a Structure.
        """
        from pytest_dynadag.cases.history import write_case

        return write_case(self._structure(dag or run.dag_id, self._metadata()), run, name)

    @from_the_call
    def assert_same(self, plan: Expansion, observed: Expansion) -> None:
        """
        Fail with what differs unless two expansions have the same instances, inputs and edges.

        Raises:
            DisagreementError: They differ (DYN306); the text lists how.
        """
        from pytest_dynadag.graph.agreement import check_agreement
        from pytest_dynadag.graph.expansion import Expansion

        for name, value in {"plan": plan, "observed": observed}.items():
            has = hasattr(value, "expansion")
            step = f"pass {name}.expansion" if has else "pass a plan, and run.expansion"
            require(name, value, Expansion, "an Expansion", next_step=step)
        check_agreement(plan, observed)

    @property
    def _recording(self) -> Recording:
        from pytest_dynadag.plugin.recording import recording_of

        return recording_of(self.workplace.session)

    @from_the_call
    def check_determinism(
        self,
        path_or_dag_id: str | Path,
        *,
        circumstances: Iterable[str] | None = None,
        seeds: int | None = None,
        given: Mapping[Any, Any] | None = None,
        runs: int = 0,
    ) -> Determinism:
        """
        Compare generations of a DAG file, a folder or a DAG, and find out what those that differ depend on.

        Args:
            path_or_dag_id: A path, relative to pytest's rootdir, or a dag_id.
            circumstances: Names of those to vary: only these, or `-name` and `+name` to change the defaults.
            seeds: How many generations to compare.
            given: As for `plan`: compare what the DAGs become for it, instead of the DAGs themselves.
            runs: Really run the DAG so many times, each time with its instances finishing in another order, and
                compare what the runs did (DYN110); needs a dag_id, or the path of a file with one DAG.

        Raises:
            UnknownNameError: There is no such file or DAG; the nearest are named.
            UnknownCircumstanceError: There is no such circumstance.
        """
        from pytest_dynadag.plugin.determining import check_one, check_runs

        require(
            "path_or_dag_id", path_or_dag_id, (str, Path), "the path of a DAG file or folder, or a dag_id"
        )
        if seeds is not None and seeds < 2:
            raise ArgumentError("seeds", seeds, "2 or more: one generation has nothing to be compared with")
        given = self._or_default("given", given)
        ready = self._make_ready(path_or_dag_id) if runs else None
        found = check_one(
            self.workplace.session, path_or_dag_id, circumstances=circumstances, seeds=seeds, given=given
        )
        return check_runs(found, *ready, given, runs) if ready else found

    def _make_ready(self, path_or_dag_id: str | Path) -> tuple[Callable[[], Any], Structure]:
        """Give what loads the DAG that is meant anew, and its structure; a file is to have just one."""
        metadata = self._metadata()
        paths = self._paths(path_or_dag_id)
        if not paths[0].exists():
            dag_id = str(path_or_dag_id)
            return lambda: self._dag_object(dag_id, metadata), self._structure(dag_id, metadata)
        structures = self.workplace.load(paths, metadata).structures
        if len(structures) != 1:
            names = enumerate_some(sorted(structures)) or "none that loads"
            raise DynadagError(f"runs takes one DAG, and {path_or_dag_id} has {names}\n  next: pass a dag_id")
        [(dag_id, structure)] = structures.items()
        return lambda: self.workplace.parse(paths, metadata).dags[dag_id], structure

    @from_the_call
    def assert_deterministic(
        self,
        path_or_dag_id: str | Path,
        *,
        circumstances: Iterable[str] | None = None,
        seeds: int | None = None,
        given: Mapping[Any, Any] | None = None,
        runs: int = 0,
    ) -> None:
        """
        Fail with what differs unless all generations are the same; the arguments are those of `check_determinism`.

        Raises:
            NotDeterministicError: They differ; `.determinism` is the verdict. What the ini `dynadag_allow` accepts
                is no difference.
        """
        from pytest_dynadag.generate.divergences import NotDeterministicError
        from pytest_dynadag.plugin.determining import split_allowed

        found = self.check_determinism(
            path_or_dag_id, circumstances=circumstances, seeds=seeds, given=given, runs=runs
        )
        left, accepted = split_allowed(found, self.workplace.session.allowances)
        self._recording.note_accepted(accepted)
        if not left.ok:
            raise NotDeterministicError(left)

    def _note_run(self, dag: Any, run: Run, asked: Mapping[str, Any]) -> Run:
        from pytest_dynadag.bridge.extract import structure_of
        from pytest_dynadag.render.snapshot import digest_given

        run = replace(run, expansion=replace(run.expansion, given=digest_given(asked)))
        self._recording.note_run(lambda: structure_of(dag), run)
        return run

    # -- finding the DAG ------------------------------------------------------------------------------

    def _structure(self, dag: Any, metadata: Mapping[str, Any]) -> Structure:
        from pytest_dynadag.graph.structure import Structure

        if isinstance(dag, Structure):
            return dag
        if not isinstance(dag, str):
            _require_dag(dag, "a dag_id, an Airflow DAG object or a Structure")
            from pytest_dynadag.bridge.extract import structure_of

            return structure_of(dag)
        if not any(metadata.values()):
            _, structure = self.workplace.session.find(dag)
            if not structure.applies_functions:
                return structure
        return self.workplace.find(dag, metadata).structures[dag]

    def _dag_object(self, dag: Any, metadata: Mapping[str, Any]) -> Any:
        self.workplace.settle()
        if not isinstance(dag, str):
            _require_dag(dag, "a dag_id, or an Airflow DAG object: a Structure holds no code to run")
            return dag
        return self.workplace.find(dag, metadata, anew=True).dags[dag]

    def _find_callees(self, dag: Any) -> list[Any]:
        """Give the DAGs that a run triggers, wherever they are; one that nobody defines is for the run to miss."""
        from pytest_dynadag.bridge.callees import find_callees
        from pytest_dynadag.plugin.workplace import NotLoadedError

        found = []
        for dag_id in find_callees(dag):
            with suppress(UnknownNameError, NotLoadedError):
                found.append(self.workplace.find(dag_id, {}).dags[dag_id])
        return found

    def _paths(self, path: str | Path | None) -> tuple[Path, ...]:
        session = self.workplace.session
        if path is not None:
            require("path", path, (str, Path), "the path of a DAG file or folder")
            return (session.config.rootpath / path,)
        roots = session.collected or session.defaults
        return tuple(root.path for root in roots)

    def _metadata(self, *given: Any) -> dict[str, Any]:
        names = ("variables", "connections", "env")
        values = given or (None, None, None)
        asked = {name: self._or_default(name, value) for name, value in zip(names, values, strict=True)}
        for name, value in asked.items():
            require(name, value, (Mapping, type(None)), "a mapping of names to values")
        return asked

    def _complete(self, **given: Any) -> dict[str, Any]:
        return {name: self._or_default(name, value) for name, value in given.items()}

    def _or_default(self, name: str, value: Any) -> Any:
        return self.defaults.get(name) if value is None else value


def _require_dag(dag: Any, wanted: str) -> None:
    if not hasattr(dag, "task_dict"):
        raise ArgumentError("dag", dag, wanted)


def read_marker(positional: Sequence[Any], arguments: Mapping[str, Any], *, where: str) -> dict[str, Any]:
    """
    Check what `@pytest.mark.dynadag(...)` was given.

    Raises:
        ArgumentError: An argument without a name.
        UnknownNameError: An argument that is none of `DEFAULTS`.
    """
    __tracebackhide__ = True
    if positional:
        raise ArgumentError(
            f"{where}: @pytest.mark.dynadag",
            positional[0],
            "arguments by name",
            next_step="name it: given={...}",
        )
    for name in arguments:
        if name not in DEFAULTS:
            raise UnknownNameError("argument", name, DEFAULTS, where=f"{where}: @pytest.mark.dynadag")
    return dict(arguments)
