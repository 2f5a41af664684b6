"""Which code is the user's, and which comes from a library."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

import pytest_dynadag
from pytest_dynadag.bridge.lines import LIBRARIES, list_libraries


def test_what_is_installed_anywhere_is_a_library() -> None:
    """Packages of the user's own account, of a distribution, and of an environment below this one are no DAG code."""
    found = list_libraries(["/home/me/.local/lib/python3.12/site-packages", "/usr/lib/python3/dist-packages"])

    assert "/home/me/.local/lib/python3.12/site-packages/airflow/models/dag.py".startswith(found)
    assert "/usr/lib/python3/dist-packages/yaml/__init__.py".startswith(found)


def test_other_folders_to_import_from_are_the_users() -> None:
    """What PYTHONPATH or the DAG folder brings is the user's code, also when it stands beside site-packages."""
    found = list_libraries(["/opt/shared", "/opt/airflow/dags", "/opt/site-packages"])

    assert not "/opt/shared/regions.py".startswith(found)
    assert not "/opt/airflow/dags/sales.py".startswith(found)
    assert not "/opt/site-packages-of-mine/regions.py".startswith(found)


def test_dags_below_the_interpreters_prefix_are_the_users() -> None:
    """Images of Airflow have Python in /usr/local, and the DAGs in /usr/local/airflow."""
    found = list_libraries([], prefixes=["/usr/local"])

    assert not "/usr/local/airflow/dags/sales.py".startswith(found)
    assert "/usr/local/lib/python3.12/json/__init__.py".startswith(found)
    assert "/usr/local/bin/pytest".startswith(found)


def test_this_interpreter_and_this_package_are_libraries() -> None:
    """The standard library, what is installed here, and ours, which stands first."""
    assert f"{Path(pytest_dynadag.__file__).parent}/" == LIBRARIES[0]
    assert f"{sysconfig.get_path('purelib')}/airflow/__init__.py".startswith(LIBRARIES)
    assert f"{sysconfig.get_path('stdlib')}/json/__init__.py".startswith(LIBRARIES)
    assert f"{sys.prefix}/lib/x.py".startswith(LIBRARIES)
