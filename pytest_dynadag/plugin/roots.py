"""Where DAG files are looked for, and why there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from pathlib import Path

import pytest

from pytest_dynadag.cases.casefile import find_dag_file, is_casefile
from pytest_dynadag.generate.records import Root

FOLDER_VARIABLE = "AIRFLOW__CORE__DAGS_FOLDER"


def are_paths_given(config: pytest.Config) -> bool:
    """Tell whether the command line names what to collect."""
    return config.args_source is pytest.Config.ArgsSource.ARGS


def find_named(config: pytest.Config) -> tuple[Root, ...]:
    """Give the DAG files and folders that the command line names; test files are none."""
    roots: dict[Path, Root] = {}
    for argument in config.args:
        path = locate_argument(argument, config.invocation_params.dir)
        if (wanted := _find_dag_path(path, config)) is not None:
            roots.setdefault(wanted, Root(wanted, "named on the command line"))
    return tuple(roots.values())


def find_defaults(config: pytest.Config, environment: Mapping[str, str]) -> tuple[Root, ...]:
    """Give the DAG folders that are looked into unless others are named, whether or not they are there."""
    if folders := config.getini("dynadag_dags"):
        return tuple(Root(_absolute(folder), "ini dynadag_dags") for folder in folders)
    if folder := environment.get(FOLDER_VARIABLE):
        return (Root(_absolute(Path(folder).expanduser()), FOLDER_VARIABLE),)
    return (Root(config.rootpath / "dags", "the default: no ini dynadag_dags"),)


def find_import_folders(roots: Iterable[Root], defaults: Iterable[Root]) -> tuple[Path, ...]:
    """
    Give the folders that the DAG files below *roots* import from, each once.

    Airflow puts the whole DAG folder on `sys.path`, however deep a file stands in it.
    """
    folders: dict[Path, None] = {}
    for root in roots:
        around = [d.path for d in defaults if d.path == root.path or d.path in root.path.parents]
        own = root.path if root.path.is_dir() else root.path.parent
        folders[next((path for path in around if path.is_dir()), own)] = None
    return tuple(folders)


def locate_argument(argument: str, folder: Path) -> Path:
    """Give the path of a command line argument, which may be a node id, relative to *folder*."""
    return _absolute(folder / argument.partition("::")[0])


def is_test_file(path: Path, config: pytest.Config) -> bool:
    """Tell whether pytest takes *path* for a module of tests, wherever it meets it."""
    patterns = config.getini("python_files")
    return path.suffix == ".py" and any(
        fnmatch(str(path) if "/" in pattern else path.name, f"*/{pattern}" if "/" in pattern else pattern)
        for pattern in patterns
    )


def _find_dag_path(path: Path, config: pytest.Config) -> Path | None:
    if path.is_dir():
        return path
    if not path.is_file() or path.name == "conftest.py" or is_test_file(path, config):
        return None
    if is_casefile(path):
        return find_dag_file(path) or path.parent
    return path if path.suffix in {".py", ".zip"} else None


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links the user chose
