"""Options of the command line, each with its twin in the ini file."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

ENGINES = ("airflow",)
TIMEOUT = 30.0
"""How many seconds a DAG file may take to load, unless told otherwise."""

MARKER = (
    "dynadag(given=, states=, params=, conf=, variables=, connections=, env=, at=, engine=, order=): "
    "defaults for what the calls of the dynadag fixture leave out"
)


@dataclass(frozen=True, slots=True)
class Options:
    """
    What was asked for, on the command line or else in the ini file.

    Attributes:
        active: Whether DAG files are collected (`--dynadag`).
        timeout: How many seconds one DAG file may take to load.
        engine: What runs DAGs.
        let_through: Names, or patterns, of environment variables that the isolation lets through.
    """

    active: bool
    timeout: float
    engine: str
    let_through: tuple[str, ...]

    @classmethod
    def read(cls, config: pytest.Config) -> Options:
        """Read the options; raises `pytest.UsageError` for an ini value that cannot be meant."""
        return cls(
            active=bool(config.getoption("dynadag") or config.getini("dynadag")),
            timeout=_read_timeout(config),
            engine=_read_engine(config),
            let_through=tuple(config.getini("dynadag_env")),
        )


def add_options(parser: pytest.Parser) -> None:
    """Add the options and their ini twins."""
    group = parser.getgroup("dynadag", "what dynamic Airflow DAGs become")
    group.addoption(
        "--dynadag",
        action="store_true",
        default=False,
        help="collect DAG files and their *.dynadag.yaml cases, from the paths given or else the DAG folder",
    )
    group.addoption(
        "--dynadag-timeout",
        metavar="SECONDS",
        help=f"how long one DAG file may take to load (default: {TIMEOUT:g})",
    )
    group.addoption(
        "--dynadag-engine", choices=ENGINES, help="what runs DAGs: airflow is Airflow's own dag.test()"
    )
    parser.addini("dynadag", "as --dynadag", type="bool", default=False)
    parser.addini("dynadag_timeout", "as --dynadag-timeout")
    parser.addini("dynadag_engine", "as --dynadag-engine")
    parser.addini(
        "dynadag_dags",
        "DAG folders or files, relative to this file "
        "(default: what AIRFLOW__CORE__DAGS_FOLDER says, or else dags/)",
        type="paths",
    )
    parser.addini(
        "dynadag_env",
        "names or patterns of AIRFLOW_* environment variables that DAG files and tasks may see",
        type="args",
    )


def _read_timeout(config: pytest.Config) -> float:
    name, text = _first_given(config, "--dynadag-timeout", "dynadag_timeout")
    try:
        seconds = float(text) if text else TIMEOUT
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise pytest.UsageError(f"{name}: a number of seconds above 0 is needed, not {text!r}")
    return seconds


def _read_engine(config: pytest.Config) -> str:
    name, engine = _first_given(config, "--dynadag-engine", "dynadag_engine")
    if engine and engine not in ENGINES:
        raise pytest.UsageError(f"{name}: there is no engine {engine!r}; known: {', '.join(ENGINES)}")
    return engine or ENGINES[0]


def _first_given(config: pytest.Config, option: str, ini: str) -> tuple[str, str]:
    """Give the name and the text of the option, or else of its twin in the ini file."""
    if (value := config.getoption(option.removeprefix("--").replace("-", "_"))) is not None:
        return option, value
    return f"ini {ini}", config.getini(ini) or ""
