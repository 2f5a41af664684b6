"""The routes of Airflow 3's execution API: which function answers which request."""

# Taken from Airflow's own modules while these are imported, instead of from the routers that they make: for each route
# FastAPI prepares parameters, models and an ASGI application that nobody here asks for, three times over, as routers are
# included in others (a fifth of a process's first run); from FastAPI 0.137 on, routers do not list what they include.

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from types import ModuleType
from typing import Any, Protocol

from pytest_dynadag.bridge.importing import uncollected
from pytest_dynadag.bridge.patching import replaced

_PACKAGE = "airflow.api_fastapi.execution_api.routes"


class Route(Protocol):
    """What is known of a route, as of FastAPI's own."""

    path: str
    path_regex: re.Pattern[str]
    methods: set[str]
    endpoint: Callable[..., Any]
    status_code: int | None
    response_model: Any
    response_model_exclude_unset: bool


@cache
def list_routes() -> Sequence[Route]:
    """List the routes in the order in which they are tried (`execution_api/routes/__init__.py`, 3.0-3.3)."""
    with uncollected(), _imported_anew(), _noted_routes():
        package = importlib.import_module(_PACKAGE)
    return tuple(package.execution_api_router.routes)


@contextmanager
def _imported_anew() -> Iterator[None]:
    """Let the modules be imported for us alone: whoever else asks for them gets routers that work."""
    parent = importlib.import_module(_PACKAGE.rpartition(".")[0])
    before, attribute = _take_modules(), vars(parent).get("routes")
    try:
        yield
    finally:
        _take_modules()
        sys.modules.update(before)
        if attribute is not None:
            vars(parent)["routes"] = attribute
        else:
            vars(parent).pop("routes", None)


def _take_modules() -> dict[str, ModuleType]:
    names = [name for name in sys.modules if name == _PACKAGE or name.startswith(f"{_PACKAGE}.")]
    return {name: sys.modules.pop(name) for name in names}


@contextmanager
def _noted_routes() -> Iterator[None]:
    """Let routers note what routes they are given, and nothing more."""
    from fastapi import APIRouter

    with (
        replaced(APIRouter, "add_api_route", _note_route),
        replaced(APIRouter, "include_router", _note_included),
    ):
        yield


def _note_route(router: Any, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
    router.routes.append(_make_route(f"{router.prefix}{path}", endpoint, options))


def _note_included(router: Any, included: Any, *, prefix: str = "", **_: Any) -> None:
    for route in included.routes:
        options = {name: getattr(route, name) for name in _OPTIONS}
        router.routes.append(_make_route(f"{router.prefix}{prefix}{route.path}", route.endpoint, options))


_OPTIONS = ("methods", "status_code", "response_model", "response_model_exclude_unset", "tags")


def _make_route(path: str, endpoint: Callable[..., Any], options: dict[str, Any]) -> Any:
    """Make one of FastAPI's own kind, which Cadwyn's decorators look for, with what is asked of it here alone."""
    from fastapi.routing import APIRoute
    from starlette.routing import compile_path

    route = APIRoute.__new__(APIRoute)
    route.path, route.endpoint = path, endpoint
    route.path_regex, _, _ = compile_path(path)
    route.methods = {method.upper() for method in options.get("methods") or ["GET"]}
    status = options.get("status_code")
    route.status_code = None if status is None else int(status)
    route.response_model = _find_model(endpoint, options.get("response_model"))
    route.response_model_exclude_unset = bool(options.get("response_model_exclude_unset"))
    route.tags = list(options.get("tags") or [])
    return route


def _find_model(endpoint: Callable[..., Any], stated: Any) -> Any:
    """Give the model of the answer: the one that is stated, or else what the function says it returns."""
    from fastapi import Response
    from fastapi.datastructures import DefaultPlaceholder
    from fastapi.dependencies.utils import get_typed_return_annotation

    if not isinstance(stated, DefaultPlaceholder):
        return stated
    returned = get_typed_return_annotation(endpoint)
    return None if isinstance(returned, type) and issubclass(returned, Response) else returned
