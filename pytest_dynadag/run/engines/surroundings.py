"""What a run finds around it, and what it leaves: nothing."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator

from pytest_dynadag.bridge.effects import apply_effects
from pytest_dynadag.bridge.metadata import changed_environment, metadata_environment
from pytest_dynadag.bridge.restore import forgotten_pools, kept_modules, kept_surroundings
from pytest_dynadag.run.request import RunRequest


@contextlib.contextmanager
def undisturbed(request: RunRequest, file: str) -> Iterator[None]:
    """Make visible what is given, and what loading *file* did; put back whatever a run changes in the process."""
    environment = {
        **metadata_environment(request.variables, request.connections, request.env),
        "AIRFLOW__CORE__MAX_MAP_LENGTH": str(request.given.max_map_length),
    }
    with contextlib.ExitStack() as stack:
        for keep in (kept_surroundings, kept_modules, forgotten_pools):
            stack.enter_context(keep())
        apply_effects(file)
        stack.enter_context(changed_environment(environment))
        if request.quiet:
            stack.enter_context(_silent())
        yield


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield
