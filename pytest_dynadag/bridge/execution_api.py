"""Airflow 3's execution API without HTTP: a client whose requests are answered by the route functions themselves."""

# What FastAPI would do at each request (find the route, bind its parameters, validate, serialize the answer) is done
# here from a plan made once per route. Routes, models and database are Airflow's own; left out are the socket, the
# ASGI layer, the event loop's thread, authentication, and Cadwyn's versions of old clients.

from __future__ import annotations

import asyncio
import inspect
import json
import re
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import unquote
from uuid import UUID

from pytest_dynadag.bridge.routes import Route, list_routes

_NOTHING = inspect.Parameter.empty
_NOBODY = UUID(int=0)
_RENDERED_FIELDS = re.compile(r"task-instances/[^/]+/rtif")


@dataclass
class Call:
    """One request while it is being answered."""

    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: bytes | None
    session: Any
    dag: Any
    response: Any = None
    attempt: Any = None


Binder = Callable[[Call], Any]
"""Gives the value of one parameter for a call."""


class RefusedError(Exception):
    """A request that a validation refuses, as FastAPI's 422; *errors* in pydantic's shape."""

    def __init__(self, errors: list[Any]) -> None:
        self.errors = errors
        super().__init__("the request is not valid")


class Endpoint:
    """A route function, and how its parameters are bound."""

    def __init__(self, route: Route) -> None:
        self.route = route
        self.function = route.endpoint
        self.binders = _bind(self.function)
        self.status = route.status_code or 200
        self.exclude_unset = bool(route.response_model_exclude_unset)
        self.model = make_adapter(route.response_model) if route.response_model is not None else None

    def answer(self, call: Call) -> tuple[int, bytes, Mapping[str, str]]:
        """Call the function; give status, body and headers."""
        result = _settle(self.function(**{name: bind(call) for name, bind in self.binders.items()}))
        headers = dict(call.response.headers) if call.response is not None else {}
        if hasattr(result, "status_code") and hasattr(result, "body"):  # a Starlette response
            return result.status_code, result.body, dict(result.headers)
        if self.status == 204:
            return self.status, b"", headers
        return self.status, self._serialize(result), headers

    def _serialize(self, result: Any) -> bytes:
        if self.model is None:
            from fastapi.encoders import jsonable_encoder

            return json.dumps(jsonable_encoder(result)).encode()
        if not hasattr(result, "model_dump_json"):
            result = self.model.validate_python(result, from_attributes=True)
        body: bytes = self.model.dump_json(result, by_alias=True, exclude_unset=self.exclude_unset)
        return body


class ExecutionApi:
    """All endpoints, and the way from a request to its answer."""

    def __init__(self, dag: Any) -> None:
        self.dag = dag
        self.routes = list_routes()
        self.endpoints: dict[int, Endpoint] = {}
        self.attempt: Any = None
        _be_newest()

    def find(self, method: str, path: str) -> tuple[Endpoint, Mapping[str, str]] | None:
        """Find the endpoint of a request and the parameters in its path."""
        for route in self.routes:
            if method in route.methods and (match := route.path_regex.match(path)):
                if id(route) not in self.endpoints:
                    self.endpoints[id(route)] = Endpoint(route)
                return self.endpoints[id(route)], match.groupdict()
        return None

    def make_session(self) -> Any:
        """Make the session of one request; as Airflow's, without the audit log, which no task can read."""
        from airflow import settings
        from airflow.models.log import Log

        session = settings.Session.session_factory()
        add = session.add
        session.add = lambda row, *options, **named: (
            None if isinstance(row, Log) else add(row, *options, **named)
        )
        return session

    def answer(
        self, method: str, path: str, query: Mapping[str, Any], body: bytes | None
    ) -> tuple[int, bytes, Mapping[str, str]]:
        """Answer a request as the API server does, errors included (`execution_api/app.py`, 3.3)."""
        from fastapi import HTTPException
        from pydantic import ValidationError

        found = self.find(method, path)
        if found is None:
            return _error(404, {"detail": "Not Found"})
        endpoint, parameters = found
        call = Call(parameters, query, body, self.make_session(), self.dag, attempt=self.attempt)
        try:
            answer = endpoint.answer(call)
            call.session.commit()
        except HTTPException as error:
            call.session.rollback()
            return _error(error.status_code, {"detail": error.detail}, error.headers)
        except (ValidationError, RefusedError) as error:
            call.session.rollback()
            details = error.errors if isinstance(error, RefusedError) else error.errors(include_url=False)
            return _error(422, {"detail": details})
        except Exception:
            call.session.rollback()
            return _error(500, {"message": "Internal server error"})
        finally:
            call.session.close()
        return answer


@cache
def adapter_of(kind: Any) -> Any:
    """Make pydantic's validator for a type, once."""
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def make_adapter(kind: Any) -> Any:
    """Make a validator, once per type."""
    try:
        return adapter_of(kind)
    except TypeError:  # a type that cannot be hashed
        return adapter_of.__wrapped__(kind)


def _bind(function: Any) -> dict[str, Binder]:
    """Plan how the parameters of a route function, or of what it depends on, get their values."""
    bound = {}
    # Not typing.get_type_hints: in Python 3.10 it wraps a type whose default is None, and hides how it is marked.
    for name, parameter in inspect.signature(function, eval_str=True).parameters.items():
        kind, markers = parameter.annotation, [parameter.default]
        if typing.get_origin(kind) is typing.Annotated:
            kind, *markers = typing.get_args(kind)
        binder = _bind_one(name, kind, [*markers, parameter.default], parameter.default)
        bound[name] = binder
    return bound


def _bind_one(name: str, kind: Any, markers: list[Any], default: Any) -> Binder:
    from fastapi.params import Body, Depends, Query
    from pydantic import BaseModel

    is_model = inspect.isclass(kind) and issubclass(kind, BaseModel)
    for marker in markers:
        if isinstance(marker, Depends):
            return _bind_dependency(marker.dependency)
        if isinstance(marker, Query):
            return _bind_model(kind) if is_model else _bind_query(marker.alias or name, kind, default)
        if isinstance(marker, Body):
            return _bind_body(kind, default)
    if getattr(kind, "__name__", "") in _SPECIAL:
        return _SPECIAL[kind.__name__]
    return _bind_body(kind, default) if is_model else _bind_path(name, kind, default)


def _bind_path(name: str, kind: Any, default: Any) -> Binder:
    validate = make_adapter(kind).validate_python
    query = _bind_query(name, kind, default)

    def bind(call: Call) -> Any:
        return validate(call.path[name]) if name in call.path else query(call)

    return bind


def _bind_query(name: str, kind: Any, default: Any) -> Binder:
    validate, many = make_adapter(kind).validate_python, "list" in str(kind)

    def bind(call: Call) -> Any:
        """Give the argument that a call has in its query, or its default."""
        if name in call.query:
            value = call.query[name]
            return validate([value] if many and not isinstance(value, (list, tuple)) else value)
        if hasattr(default, "get_default"):
            return default.get_default(call_default_factory=True)
        if default is _NOTHING:
            raise RefusedError(
                [{"type": "missing", "loc": ["query", name], "msg": "Field required", "input": None}]
            )
        return default

    return bind


def _bind_model(kind: Any) -> Binder:
    return lambda call: kind.model_validate(dict(call.query))


def _bind_body(kind: Any, default: Any) -> Binder:
    validate = make_adapter(kind).validate_json

    def bind(call: Call) -> Any:
        if call.body:
            return validate(call.body)
        return default.get_default() if hasattr(default, "get_default") else default

    return bind


def _bind_dependency(function: Any) -> Binder:
    name = function.__name__
    if name in _DEPENDENCIES:
        return _DEPENDENCIES[name]
    binders = _bind(function)
    return lambda call: _first(_settle(function(**{name: bind(call) for name, bind in binders.items()})))


def _first(result: Any) -> Any:
    return next(result) if inspect.isgenerator(result) else result


def _give_token(call: Call) -> Any:
    """Make the token of a client that may do everything, as Airflow's in-process API does."""
    from airflow.api_fastapi.execution_api.datamodels import token

    ti_id = UUID(str(call.path.get("task_instance_id") or call.attempt or _NOBODY))
    if hasattr(token, "TIClaims") and hasattr(token.TIClaims, "model_fields"):
        return token.TIToken(id=ti_id, claims=token.TIClaims(scope="execution"))
    return token.TIToken(id=ti_id, claims={})


def _give_response(call: Call) -> Any:
    from starlette.responses import Response

    call.response = Response()
    return call.response


def _give_dag_bag(call: Call) -> Any:
    """Give the API server's DAGs: those of the database, in 3.0 the scheduler's copy of the one that runs."""
    from airflow.models import dagbag

    if hasattr(dagbag, "DBDagBag"):
        return dagbag.DBDagBag()
    from airflow.serialization.serialized_objects import SerializedDAG

    bag = dagbag.DagBag(include_examples=False, collect_dags=False, load_op_links=False)
    bag.dags[call.dag.dag_id] = SerializedDAG.from_dict(SerializedDAG.to_dict(call.dag))
    return bag


_DEPENDENCIES: dict[str, Binder] = {
    "_get_session": lambda call: call.session,
    "_get_async_session": lambda call: _Awaitable(call.session),
    "dag_bag_from_app": _give_dag_bag,
    "require_auth": _give_token,
    "_resolve_trigger_token": _give_token,
    "current_dependency_solver": lambda call: "fastapi",
    "_container": lambda call: None,
}
"""What FastAPI's dependencies give, by the name of their function."""


class _Awaitable:
    """A session whose methods are awaited, as the async routes of 3.4 do, over the one that everybody uses."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._session, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            return method(*args, **kwargs)

        return call if callable(method) and name not in ("add", "add_all") else method


_SPECIAL: dict[str, Binder] = {"Response": _give_response, "Request": lambda call: None}
"""What FastAPI gives for a type."""


def _be_newest() -> None:
    """Let routes that ask how old the client is (3.4) take it for the newest: None is Cadwyn's word for that."""
    import sys

    versions = sys.modules.get("airflow.api_fastapi.execution_api.versions")
    variable = getattr(getattr(versions, "bundle", None), "api_version_var", None)
    if variable is not None:
        variable.set(None)


def _read_query(params: Any) -> dict[str, Any]:
    """Read parameters that are a mapping, or pairs among which a name may repeat (3.4)."""
    query: dict[str, Any] = {}
    for name, value in params.items() if hasattr(params, "items") else params:
        text = "" if value is None else value
        if name not in query:
            query[name] = text
        else:
            earlier = query[name]
            query[name] = [*(earlier if isinstance(earlier, list) else [earlier]), text]
    return query


def _settle(result: Any) -> Any:
    return asyncio.run(result) if inspect.iscoroutine(result) else result


def _error(
    status: int, content: Any, headers: Mapping[str, str] | None = None
) -> tuple[int, bytes, Mapping[str, str]]:
    from fastapi.encoders import jsonable_encoder

    return status, json.dumps(jsonable_encoder(content)).encode(), dict(headers or {})


class Answer:
    """The part of an `httpx.Response` that the SDK's client reads of a success; headers in Title-Case."""

    def __init__(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
        self.status_code, self.content = status, content
        self.headers = {name.title(): value for name, value in headers.items()}

    def read(self) -> bytes:
        """Give the body."""
        return self.content

    def json(self) -> Any:
        """Give the body, decoded."""
        return json.loads(self.content)


@cache
def client_class() -> Any:
    """Make the SDK's in-process client with a `request` that does not leave the process, nor enter httpx."""
    from airflow.sdk.api.client import Client, raise_on_4xx_5xx

    class DirectClient(Client):
        """The SDK's client, answered by an `ExecutionApi`."""

        def __init__(self, dag: Any) -> None:
            self.api = ExecutionApi(dag)
            self.read: dict[str, dict[Any, Answer]] = {}
            super().__init__(base_url=None, token="", dry_run=True, transport=_no_transport())
            self.base_url = "http://in-process.invalid./"

        def request(self, method: str, url: str, **options: Any) -> Any:
            """Answer from the route functions."""
            path = unquote(url)
            if method == "PUT" and _RENDERED_FIELDS.fullmatch(path):
                return Answer(201, b"", {})  # what the UI shows, and no task can ask for
            # As httpx writes it into an address: None is there, and empty.
            query = _read_query(options.get("params") or {})
            if not path.startswith("xcoms/"):
                return self._ask(method, path, query, options)
            # The instances of a wide map each read the whole list: once will do, until somebody writes to that task.
            task = "/".join(path.split("/")[:4])
            if method != "GET":
                self.read.pop(task, None)
                return self._ask(method, path, query, options)
            read = self.read.setdefault(task, {})
            key = path, *query.items()
            if key not in read:
                read[key] = self._ask(method, path, query, options)
            return read[key]

        def _ask(self, method: str, path: str, query: Mapping[str, Any], options: Mapping[str, Any]) -> Any:
            body = options.get("content")
            if options.get("json") is not None:
                body = json.dumps(options["json"], ensure_ascii=False, allow_nan=False)
            body = body.encode() if isinstance(body, str) else body
            status, content, headers = self.api.answer(method, "/" + path.lstrip("/"), query, body)
            if status < 400:
                return Answer(status, content, headers)
            response = self._refuse(method, path, status, content, headers)
            raise_on_4xx_5xx(response)
            return response

        def _refuse(self, method: str, url: str, status: int, content: bytes, headers: Any) -> Any:
            httpx = _httpx()
            return httpx.Response(
                status,
                content=content,
                headers={**headers, "content-type": "application/json"},
                request=httpx.Request(method, self.base_url.join(url)),
            )

    return DirectClient


def _httpx() -> Any:
    """Give the library that the SDK's client is made with: httpx, from 3.4 on httpx2."""
    import importlib

    from airflow.sdk.api.client import Client

    base = next(kind for kind in Client.__mro__ if kind.__module__.partition(".")[0] in ("httpx", "httpx2"))
    return importlib.import_module(base.__module__.partition(".")[0])


def _no_transport() -> Any:
    httpx = _httpx()
    return httpx.MockTransport(lambda request: httpx.Response(404))
