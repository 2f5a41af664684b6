"""The isolator: a process that has imported Airflow and nothing of the user's, and judges files in children of its own."""

# Run as `python -m pytest_dynadag.generate.isolator REQUEST`. Requests and answers are sealed; the standard input is the
# key, the same for all isolators of a check, as some read what others have answered.

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pytest_dynadag.bridge.home import settle
from pytest_dynadag.bridge.loading import prepare
from pytest_dynadag.generate.children import adopt_orphans, end_with_children, end_with_parent
from pytest_dynadag.generate.circumstances import Own
from pytest_dynadag.generate.comparison import Change
from pytest_dynadag.generate.isolation import Isolation
from pytest_dynadag.generate.sealing import Seal


@dataclass(frozen=True, slots=True)
class IsolationRequest:
    """
    What an isolator is to do.

    Attributes:
        files: The files, each with the changes that the screening saw.
        home, let_through, import_folders: As for a probe.
        answer: The file to write the answer to.
        names, seeds, now, own, timeout, memory: As for `Isolation`.
        neutral_only: Parse each file once, as it is: for another hash seed, which is this process's.
        others: Seed to the file with the answer of an isolator that did so.
    """

    files: Mapping[str, list[Any]]
    home: str
    answer: str
    names: tuple[str, ...]
    seeds: int
    now: float
    timeout: float
    memory: int = 0
    own: tuple[tuple[str, str], ...] = ()
    let_through: tuple[str, ...] = ()
    import_folders: tuple[str, ...] = ()
    neutral_only: bool = False
    others: Mapping[str, str] = field(default_factory=dict)

    def save(self, path: Path, seal: Seal) -> None:
        """Write the request to *path*."""
        seal.save(path, asdict(self))

    @classmethod
    def read(cls, path: Path, seal: Seal) -> IsolationRequest:
        """Read the request that `save` wrote to *path*."""
        return cls(**seal.read(path))


def main(request: IsolationRequest, seal: Seal) -> None:
    """Judge the files, and write down the verdicts."""
    end_with_parent(signal.SIGTERM)
    adopt_orphans()
    signal.signal(signal.SIGTERM, end_with_children)
    sys.path[:1] = []  # as in a probe
    sys.path.extend(folder for folder in request.import_folders if folder not in sys.path)
    settle(Path(request.home), let_through=request.let_through)
    prepare()
    others = {int(seed): seal.read(Path(file)) for seed, file in request.others.items()}
    seal.save(Path(request.answer), {path: _judge(path, request, others) for path in request.files})


def _judge(path: str, request: IsolationRequest, others: Mapping[int, Any]) -> Any:
    isolation = Isolation(
        Path(path),
        tuple(request.names),
        request.seeds,
        request.now,
        own=tuple(Own(*entry) for entry in request.own),
        timeout=request.timeout,
        memory=request.memory,
        folder=Path(request.answer).parent,
        others={seed: parsed[path] for seed, parsed in others.items()},
        seen=tuple(Change(*entry) for entry in request.files[path]),
    )
    if request.neutral_only:
        return isolation.parse_neutrally()
    return isolation.judge().to_dict()


if __name__ == "__main__":
    given = Seal(sys.stdin.read().strip())
    main(IsolationRequest.read(Path(sys.argv[1]), given), given)
    sys.stdout.flush()
    os._exit(0)
