"""What is said about each rule: the whole message, of the examples that are wrong on purpose."""

from __future__ import annotations

import datetime as dt
import re
import socket
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from pytest_dynadag.generate.determinism import check
from pytest_dynadag.generate.divergences import Determinism
from pytest_dynadag.generate.records import Root

pytestmark = pytest.mark.timeout(900)  # whole folders are parsed, on machines that do other things too

FOLDER = Path(__file__).parents[2] / "example_dags" / "broken" / "nondeterministic"
_HASH = re.compile(r"\n  Airflow's own dag_hash .*")  # differs by version: tested below

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "rules.md"
# Of each section whose example stands in the folder: the file, what is shown of it, and what is said of it.
EXCERPTS = re.findall(
    r"^```python\n# (\w+)\.py\n(.*?)^```\n.*?^```text\n(.*?)\n```$",
    PAGE.read_text(),
    re.MULTILINE | re.DOTALL,
)
SHOWN = {name: said for name, _, said in EXCERPTS}


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Determinism:
    """Check the examples."""
    return check([Root(FOLDER, "examples")], folder=tmp_path_factory.mktemp("broken"))


def _say(determinism: Determinism, name: str) -> str:
    file = next(file for file in determinism.files if Path(file.path).stem == name)
    text = str(file.divergences[0].finding).replace(f"{FOLDER}/", "")
    today = f"{dt.datetime.now(tz=dt.timezone.utc):%Y_%m_%d}"
    return text.replace(socket.gethostname(), "HOST").replace(today, "TODAY")


@pytest.mark.parametrize("name", SHOWN)
def test_message(broken: Determinism, name: str) -> None:
    """What the page shows is said: the DAG, the cause, both outcomes, the pointer, the line, what to write instead."""
    shown = SHOWN[name]
    if sys.version_info < (3, 11):  # which hashes strings otherwise
        shown = shown.replace("'eu' under hash seed 0 and 'us'", "'latam' under hash seed 0 and 'apac'")

    assert shown == _HASH.sub("", _say(broken, name))


def test_the_page_shows_every_example() -> None:
    """An excerpt of each of the files stands on the page, as it is in the file."""
    assert sorted(path.stem for path in FOLDER.glob("*.py")) == sorted(SHOWN)
    assert [] == [name for name, excerpt, _ in EXCERPTS if excerpt not in (FOLDER / f"{name}.py").read_text()]


def test_every_rule_has_an_example(broken: Determinism) -> None:
    """There is one example per rule, and each has only that one."""
    rules = [{entry.rule for entry in file.divergences} for file in broken.files]
    assert [{f"DYN{number}"} for number in range(101, 110)] == sorted(rules, key=min)


def test_it_is_said_whether_airflow_notices(broken: Determinism) -> None:
    """A changed argument moves Airflow's own hash; the order of strings does not, from 3.x on."""
    by_name = {Path(file.path).stem: file.divergences[0] for file in broken.files}
    assert by_name["environment"].seen_by_airflow is True
    assert by_name["hash_seed"].seen_by_airflow is by_name["listing_order"].seen_by_airflow is not None
    if by_name["hash_seed"].seen_by_airflow is False:
        said = "Airflow's own dag_hash is the same for both: no new version, no warning, and scheduler and worker disagree"
        assert said in _say(broken, "hash_seed")


def test_what_airflows_own_checker_says_stands_beside_it(broken: Determinism) -> None:
    """Where Airflow has a static checker (3.2 and later), its warnings are shown as its own, after ours."""
    path = FOLDER / "randomness.py"
    airflow = find_spec("airflow")
    assert airflow is not None
    has_checker = (Path(str(airflow.origin)).parent / "utils" / "dag_version_inflation_checker.py").is_file()

    said = str(broken.about(str(path))).splitlines()

    hint = f"Airflow's own checker: {path}:17: Don't use runtime-varying value as argument in Dag constructor"
    assert said[0].startswith(f"{path}:15: DYN104")
    assert [hint] * has_checker == [line for line in said if line.startswith("Airflow's own checker")]


def test_a_second_session_says_the_same(broken: Determinism, tmp_path: Path) -> None:
    """The verdict does not depend on when it is found."""
    again = check([Root(FOLDER, "examples")], folder=tmp_path)
    assert [file.to_dict()["divergences"] for file in broken.files if "clock" not in file.path] == [
        file.to_dict()["divergences"] for file in again.files if "clock" not in file.path
    ]
