"""The surroundings of a process: host, user, home, process id, and an environment variable more than usual."""

from __future__ import annotations

import os
import platform
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pytest_dynadag.generate.circumstances import Variation
from pytest_dynadag.generate.comparison import OTHER_HOME
from pytest_dynadag.generate.instruments.asking import Asking
from pytest_dynadag.generate.instruments.patches import Patches

NAME = "environment"
_PID = (1 << 22) + 4711  # no process has it: Linux gives numbers below 2 ** 22
_MOST_PIDS = 1000
_CONTEXT = "_AIRFLOW_PARSING_CONTEXT"


def plan_names(number: int) -> dict[str, str]:
    """Give the environment variables that are changed, with their new values; none for number 0."""
    if not number:
        return {}
    user = f"user-{number}"
    return {
        "HOSTNAME": f"host-{number}.example",
        "USER": user,
        "LOGNAME": user,
        "USERNAME": user,
        "HOME": str(Path(os.environ["AIRFLOW_HOME"]) / f"{OTHER_HOME}{number}"),
        f"DYNADAG_EXTRA_{number}": str(number),
    }


@contextmanager
def changed(names: dict[str, str]) -> Iterator[None]:
    """Change the real environment for a while; another home is a link to the real one."""
    before = {name: os.environ.get(name) for name in names}
    home = names.get("HOME")
    if home and not Path(home).is_symlink() and not Path(home).exists():
        Path(home).symlink_to(Path.home())
    os.environ.update(names)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def apply(asking: Asking, variation: Variation, patches: Patches) -> None:
    """Stand in for what tells a host, a user and a process; note who reads the environment variables concerned."""
    number = max(variation.number(NAME), 1)
    host = f"host-{number}.example"
    for owner, name, other in _list_calls(number, host):
        if hasattr(owner, name):
            patches.set(owner, name, _replace(getattr(owner, name), other, asking))
    if hasattr(os, "getpid"):
        _patch_ids(asking, number, patches)
    if asking.noting:
        _patch_reading(asking, variation, patches)


def _list_calls(number: int, host: str) -> list[tuple[Any, str, Callable[[Any], Any]]]:
    """Give what is replaced: owner, name, and how to make the changed value of the real one."""
    return [
        (socket, "gethostname", lambda _: host),
        (socket, "getfqdn", lambda _: host),
        (platform, "node", lambda _: host),
        (platform, "uname", lambda real: real._replace(node=host)),
        (os, "getlogin", lambda _: f"user-{number}"),
        (os, "cpu_count", lambda real: (real or 1) + number),
        (uuid, "getnode", lambda real: real ^ number),
    ]


def _replace(original: Callable[..., Any], other: Callable[[Any], Any], asking: Asking) -> Callable[..., Any]:
    def ask(*arguments: Any, **options: Any) -> Any:
        is_changed = asking.is_changed(NAME)
        real = original(*arguments, **options)
        return other(real) if is_changed else real

    return ask


def _patch_ids(asking: Asking, number: int, patches: Patches) -> None:
    """Give the user's code fixed process ids: the real one is another in each process. Libraries keep it."""
    real = {"getpid": os.getpid, "getppid": os.getppid}
    for name, neutral in (("getpid", _PID), ("getppid", _PID - 2 * _MOST_PIDS)):
        patches.set(os, name, _make_id(real[name], neutral, number, asking))
    for name in ("kill", "killpg"):
        patches.set(os, name, _make_sending(getattr(os, name), real))


def _make_id(original: Callable[[], int], neutral: int, number: int, asking: Asking) -> Callable[[], int]:
    def identify() -> int:
        if not asking.is_own_call():
            return original()
        return neutral + (number if asking.is_changed(NAME) else 0)

    return identify


def _make_sending(
    original: Callable[[int, int], None], real: dict[str, Callable[[], int]]
) -> Callable[[int, int], None]:
    """Let a signal reach whom it would reach if the ids were the real ones."""

    def send(process: int, number: int) -> None:
        if process >= _PID - _MOST_PIDS:
            process = real["getpid"]()
        elif process >= _PID - 3 * _MOST_PIDS:
            process = real["getppid"]()
        original(process, number)

    return send


def _patch_reading(asking: Asking, variation: Variation, patches: Patches) -> None:
    """Note who reads a variable that is changed, and give the changed value to the one who is to get it."""
    kind = type(os.environ)
    getitem, iterate = kind.__getitem__, kind.__iter__
    names = plan_names(max(variation.number(NAME), 1))

    def read(self: Any, key: Any) -> Any:
        """Give a variable to whoever asks, the changed value to whom it concerns."""
        circumstance = _concern(key, names)
        is_changed = circumstance is not None and asking.is_changed(circumstance)
        if is_changed and asking.only:
            return (
                names[key] if circumstance == NAME else _context_value(key, variation) or getitem(self, key)
            )
        return getitem(self, key)

    def iterate_names(self: Any) -> Iterator[Any]:
        more = list(names) if asking.is_changed(NAME) and asking.only else []
        return iter(dict.fromkeys([*iterate(self), *more]))

    patches.set(kind, "__getitem__", read)
    patches.set(kind, "__iter__", iterate_names)


def _concern(key: Any, names: dict[str, str]) -> str | None:
    """Give the circumstance that an environment variable belongs to."""
    if key == "TZ":
        return "time_zone"
    if isinstance(key, str) and key.startswith(_CONTEXT):
        return "parsing_context"
    return NAME if key in names else None


def _context_value(key: str, variation: Variation) -> str | None:
    return variation.dag_id if key.endswith("DAG_ID") else variation.task_id
