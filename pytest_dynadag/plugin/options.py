"""Options of the command line, each with its twin in the ini file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

ENGINES = ("direct", "airflow")
SEEDS = 5
"""How many generations are compared, unless told otherwise."""

TIMEOUT = 30.0
"""How many seconds a DAG file may take to load, unless told otherwise."""

MEMORY = "4GB"
"""How much memory a DAG file may use while it loads, unless told otherwise."""

REPORTS = (".html", ".json", ".md")
"""What a report may be, by the ending of its path."""

MARKER = (
    "dynadag(given=, states=, params=, conf=, variables=, connections=, env=, at=, engine=, order=): "
    "defaults for what the calls of the dynadag fixture leave out"
)


@dataclass(frozen=True, slots=True)
class Options:
    """
    What was asked for, on the command line or else in the ini file.

    Attributes:
        active: Whether DAG files are collected (`--dynadag`), or looked at (`--dynadag-doctor`).
        timeout: How many seconds one DAG file may take to load.
        memory: How many bytes one DAG file may use while it loads; 0 for any.
        engine: What runs DAGs.
        let_through: Names, or patterns, of environment variables that the isolation lets through.
        reports: Where to write reports, in the forms that their endings ask for.
        coverage: Whether to show which lengths and ends of what is mapped tests saw.
        least_coverage: How many percent of them are needed; None for any.
        circumstances: Which circumstances are varied, as for `circumstances.choose`.
        seeds: How many generations are compared.
        own_circumstances: Lines `name = module:function`.
        allowed: Lines `RULE:dag_id = reason`.
        secret: Regular expressions for what is hidden.
    """

    active: bool
    timeout: float
    memory: int
    engine: str
    let_through: tuple[str, ...]
    reports: tuple[Path, ...] = ()
    coverage: bool = False
    least_coverage: float | None = None
    circumstances: tuple[str, ...] = ()
    seeds: int = SEEDS
    own_circumstances: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    secret: tuple[str, ...] = ()

    @property
    def is_recorded(self) -> bool:
        """Whether somebody reads what tests planned and ran."""
        return bool(self.reports or self.coverage or self.least_coverage is not None)

    @classmethod
    def read(cls, config: pytest.Config) -> Options:
        """Read the options; raises `pytest.UsageError` for an ini value that cannot be meant."""
        return cls(
            active=_is_active(config),
            timeout=_read_timeout(config),
            memory=_read_memory(config),
            engine=_read_engine(config),
            let_through=tuple(config.getini("dynadag_env")),
            reports=_read_reports(config),
            coverage=bool(config.getoption("dynadag_cov") or config.getini("dynadag_cov")),
            least_coverage=_read_least_coverage(config),
            circumstances=_read_circumstances(config),
            seeds=_read_seeds(config),
            own_circumstances=tuple(config.getini("dynadag_own_circumstances")),
            allowed=tuple(config.getini("dynadag_allow")),
            secret=tuple(config.getini("dynadag_secret")),
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
        "--dynadag-engine",
        choices=ENGINES,
        help="what runs DAGs: airflow is Airflow's own dag.test(), direct (default) the same without its detours",
    )
    group.addoption(
        "--dynadag-explain",
        metavar="RULE",
        help="show what a rule is about and what to write instead, then exit: --dynadag-explain DYN102",
    )
    group.addoption(
        "--dynadag-doctor",
        action="store_true",
        default=False,
        help="say what is installed, isolated and loaded, and what to do where something is wrong, then exit",
    )
    _add_report_options(parser, group)
    _add_determinism_options(parser, group)
    parser.addini("dynadag", "as --dynadag", type="bool", default=False)
    parser.addini("dynadag_timeout", "as --dynadag-timeout")
    parser.addini("dynadag_engine", "as --dynadag-engine")
    parser.addini(
        "dynadag_memory",
        f"how much more memory a process may use while it loads one DAG file, such as 512MB or 8GB; 0 for any (default: {MEMORY})",
    )
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
    parser.addini(
        "dynadag_secret",
        "regular expressions, one a line: what they match, and what stands under a name that they match, "
        "is hidden in snapshots, reports and messages",
        type="linelist",
    )


def _add_report_options(parser: pytest.Parser, group: pytest.OptionGroup) -> None:
    group.addoption(
        "--dynadag-report",
        metavar="PATH",
        action="append",
        help="write a report: .html (one page), .md (for a CI job's summary) or .json; repeatable",
    )
    group.addoption(
        "--dynadag-cov",
        action="store_true",
        default=False,
        help="show at which lengths, and with which end states, tests saw each mapped task and group",
    )
    group.addoption(
        "--dynadag-cov-fail-under",
        metavar="PERCENT",
        help="fail where tests saw less than that of what mapped tasks and groups can become",
    )
    parser.addini("dynadag_report", "as --dynadag-report, relative to this file", type="args")
    parser.addini("dynadag_cov", "as --dynadag-cov", type="bool", default=False)
    parser.addini("dynadag_cov_fail_under", "as --dynadag-cov-fail-under")


def _add_determinism_options(parser: pytest.Parser, group: pytest.OptionGroup) -> None:
    group.addoption(
        "--dynadag-circumstances",
        metavar="NAMES",
        help="which circumstances are varied to see whether DAGs stay the same, separated by commas; "
        "-NAME: all but this one, +NAME: this one too (default: all but working_directory)",
    )
    group.addoption(
        "--dynadag-seeds",
        metavar="N",
        help=f"how many generations are compared, each with another hash seed (default: {SEEDS})",
    )
    parser.addini("dynadag_circumstances", "as --dynadag-circumstances")
    parser.addini("dynadag_seeds", "as --dynadag-seeds")
    parser.addini(
        "dynadag_own_circumstances",
        "circumstances of your own, each a line `name = module:function`; the function gets a number, 0 for "
        "the neutral value, and returns a context manager around a parse",
        type="linelist",
    )
    parser.addini(
        "dynadag_allow",
        "findings that are accepted, each a line `RULE = reason`, `RULE:dag_id = reason` or, for what a task does "
        "while it runs, `RULE:dag_id.task_id = reason`; names may be patterns",
        type="linelist",
    )


def _is_active(config: pytest.Config) -> bool:
    asked = config.getoption("dynadag") or config.getoption("dynadag_doctor")
    return bool(asked or config.getini("dynadag"))


def _read_timeout(config: pytest.Config) -> float:
    name, text = _first_given(config, "--dynadag-timeout", "dynadag_timeout")
    try:
        seconds = float(text) if text else TIMEOUT
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise pytest.UsageError(f"{name}: a number of seconds above 0 is needed, not {text!r}")
    return seconds


def _read_memory(config: pytest.Config) -> int:
    text = config.getini("dynadag_memory") or MEMORY
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMG]?)i?B?", text.strip(), re.IGNORECASE)
    if match is None:
        raise pytest.UsageError(f"ini dynadag_memory: a size such as 512MB or 8GB is needed, not {text!r}")
    return int(float(match[1]) * 1024 ** " KMG".index(match[2].upper() or " "))


def _read_circumstances(config: pytest.Config) -> tuple[str, ...]:
    _, text = _first_given(config, "--dynadag-circumstances", "dynadag_circumstances")
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _read_seeds(config: pytest.Config) -> int:
    name, text = _first_given(config, "--dynadag-seeds", "dynadag_seeds")
    if not text:
        return SEEDS
    if not text.isdecimal() or int(text) < 2:
        raise pytest.UsageError(f"{name}: a number of generations from 2 on is needed, not {text!r}")
    return int(text)


def _read_reports(config: pytest.Config) -> tuple[Path, ...]:
    given = config.getoption("dynadag_report")
    name = "--dynadag-report" if given else "ini dynadag_report"
    base = config.invocation_params.dir if given else (config.inipath or config.rootpath / "ini").parent
    for path in (paths := given or config.getini("dynadag_report")):
        if Path(path).suffix.lower() not in REPORTS:
            raise pytest.UsageError(
                f"{name}: no report is written to {path!r}: its ending says the form, one of {', '.join(REPORTS)}"
            )
    return tuple(base / path for path in paths)


def _read_least_coverage(config: pytest.Config) -> float | None:
    name, text = _first_given(config, "--dynadag-cov-fail-under", "dynadag_cov_fail_under")
    if not text:
        return None
    try:
        percent = float(text)
    except ValueError:
        percent = -1.0
    if not 0 <= percent <= 100:
        raise pytest.UsageError(f"{name}: a percentage from 0 to 100 is needed, not {text!r}")
    return percent


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
