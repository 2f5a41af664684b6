"""A project's own XCom backend: runs use it in either engine, where it is let through."""

from __future__ import annotations

import lean
import pytest

SALES = """\
from datetime import datetime
from airflow import DAG
from airflow.decorators import task

with DAG("sales", schedule=None, start_date=datetime(2024, 1, 1)):

    @task
    def list_regions():
        return ["eu", "us"]

    @task
    def load(region):
        return {"loaded": region}

    @task
    def report(loaded):
        return [each["loaded"] for each in loaded]

    report(load.expand(region=list_regions()))
"""

BACKEND = """\
import json
import os
import uuid

try:
    from airflow.sdk.bases.xcom import BaseXCom
except ImportError:
    from airflow.models.xcom import BaseXCom


class Files(BaseXCom):
    @staticmethod
    def serialize_value(value, **_):
        name = f"{os.environ['STORED']}/{uuid.uuid4()}.json"
        with open(name, "w") as file:
            json.dump(value, file)
        return BaseXCom.serialize_value(name)

    @staticmethod
    def deserialize_value(result):
        name = BaseXCom.deserialize_value(result)
        if not str(name).endswith(".json"):
            return name
        with open(name) as file:
            return json.load(file)
"""

TESTS = """\
import pytest

@pytest.mark.parametrize("engine", ["direct", "airflow"])
@pytest.mark.parametrize("given", [None, {"list_regions": ["eu", "us"]}])
def test_sales(dynadag, engine, given, tmp_path):
    run = dynadag.run("sales", engine=engine, given=given, env={"STORED": str(tmp_path)})

    assert run.xcoms["report"] == ["eu", "us"]
    assert run.expansion == dynadag.plan("sales", given={"list_regions": ["eu", "us"]})
    assert len(list(tmp_path.iterdir())) >= 3
"""


def test_values_go_through_the_backend(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """What tasks return, and what is given, is stored and read by the backend that the ini lets through."""
    for name in ("AIRFLOW_HOME", "AIRFLOW__CORE__DAGS_FOLDER", "PYTEST_XDIST_WORKER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTEST_ADDOPTS", lean.ADDOPTS)
    monkeypatch.setenv("AIRFLOW__CORE__XCOM_BACKEND", "stored.Files")
    pytester.makepyfile(stored=BACKEND, test_sales=TESTS)
    pytester.mkdir("dags").joinpath("sales.py").write_text(SALES)
    pytester.makeini("[pytest]\npythonpath = .\ndynadag_env = AIRFLOW__CORE__XCOM_BACKEND\n")

    pytester.runpytest_subprocess("-p", "no:xdist", timeout=200).assert_outcomes(passed=4)
