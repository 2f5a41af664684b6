from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from typing import Any

import pytest

from pytest_dynadag.bridge.loading import bridge


@pytest.fixture(autouse=True)
def _airflow_3() -> None:
    if bridge().family != "3":
        pytest.skip("Airflow 2 has no execution API")


def tell(routes: Iterable[Any]) -> list[tuple[object, ...]]:
    """Give all that is asked of routes; models are others in each import of the module that has them."""
    return [
        (
            sorted(route.methods),
            route.path_regex.pattern,
            f"{route.endpoint.__module__}.{route.endpoint.__qualname__}",
            route.status_code,
            str(route.response_model),
            bool(route.response_model_exclude_unset),
        )
        for route in routes
        if hasattr(route, "endpoint")
    ]


def test_the_routes_are_those_that_fastapi_makes() -> None:
    """Paths, functions and answers are what Airflow's own router has, in its order."""
    from pytest_dynadag.bridge.routes import list_routes

    ours = tell(list_routes())
    routes = importlib.import_module("airflow.api_fastapi.execution_api.routes")

    assert tell(routes.execution_api_router.routes) == ours
    assert 20 < len(ours)


def test_nobody_else_gets_our_routers() -> None:
    """Who asks for Airflow's routers later, or has them already, has those of FastAPI, with all it prepares."""
    from pytest_dynadag.bridge.routes import list_routes

    before = sys.modules.get("airflow.api_fastapi.execution_api.routes")
    list_routes.cache_clear()
    list_routes()
    routes = importlib.import_module("airflow.api_fastapi.execution_api.routes")

    assert before is None or before is routes
    route = next(route for route in routes.execution_api_router.routes if hasattr(route, "endpoint"))
    assert hasattr(route, "dependant")
