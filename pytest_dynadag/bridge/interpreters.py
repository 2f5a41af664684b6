"""Tasks that start an interpreter of their own, which sends its messages to the supervisor by a socket."""

# Source: `_setup_subprocess_socket` (sdk/execution_time/supervisor.py), `CommsDecoder` (sdk/execution_time/comms.py) and
# `reinit_supervisor_comms` (sdk/execution_time/task_runner.py), 3.1 and later; 3.0 gives such tasks no socket.

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pytest_dynadag.bridge.supervisor import Supervisor

_VARIABLE = "__AIRFLOW_SUPERVISOR_FD"


def starts_interpreter(task: Any) -> bool:
    """Return whether a task is executed by another Python (`@task.virtualenv`, `@task.external_python`)."""
    operator = getattr(task, "operator_class", type(task))
    return hasattr(operator, "_execute_python_callable_in_subprocess")


@contextmanager
def answered_by_socket(supervisor: Supervisor) -> Iterator[None]:
    """Let interpreters that are started meanwhile find *supervisor* where Airflow's own would be."""
    from airflow.sdk.execution_time import comms

    if not hasattr(comms, "_ResponseFrame"):
        yield
        return
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=_answer_all, args=(ours, supervisor, comms), daemon=True)
    with ours, theirs:
        os.set_inheritable(theirs.fileno(), True)
        os.environ[_VARIABLE] = str(theirs.fileno())
        thread.start()
        try:
            yield
        finally:
            os.environ.pop(_VARIABLE, None)
            ours.shutdown(socket.SHUT_RDWR)
    thread.join(1)


def _answer_all(ours: socket.socket, supervisor: Supervisor, comms: Any) -> None:
    """Answer one request after the other, until the socket is shut."""
    import msgspec
    from pydantic import TypeAdapter

    decoder = msgspec.msgpack.Decoder(comms._RequestFrame)  # noqa: SLF001 - what the child writes
    messages = TypeAdapter(comms.ToSupervisor)
    while size := _read(ours, 4):
        request = decoder.decode(_read(ours, int.from_bytes(size, "big")))
        message = messages.validate_python(request.body)
        log = type(message).__name__ == "ResendLoggingFD"
        answer = comms.SentFDs(fds=[0]) if log else supervisor.send(message)
        body = None if answer is None else answer.model_dump()
        frame = comms._ResponseFrame(id=request.id, body=body).as_bytes()  # noqa: SLF001
        if log:  # Airflow's own log of the interpreter; what it prints, the task reads and logs
            with Path(os.devnull).open("wb") as nothing:
                socket.send_fds(ours, [frame], [nothing.fileno()])
        else:
            ours.sendall(frame)


def _read(ours: socket.socket, size: int) -> bytes:
    """Return *size* bytes; fewer, or none, where the other side has gone."""
    found = b""
    while len(found) < size and (more := ours.recv(size - len(found))):
        found += more
    return found
