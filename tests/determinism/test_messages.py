"""What is said about each rule: the whole message, of the examples that are wrong on purpose."""

from __future__ import annotations

import datetime as dt
import re
import socket
from pathlib import Path

import pytest

from pytest_dynadag.generate.determinism import check
from pytest_dynadag.generate.divergences import Determinism
from pytest_dynadag.generate.records import Root

pytestmark = pytest.mark.timeout(900)  # whole folders are parsed, on machines that do other things too

FOLDER = Path(__file__).parents[2] / "example_dags" / "broken" / "nondeterministic"
_HASH = re.compile(r"\n  Airflow's own dag_hash .*")  # differs by version: tested below

MESSAGES = {
    "clock": """\
clock.py:15: DYN103 DAG 'clock' depends on the clock
  task 'load_TODAY' is there only now
  at /dags/clock/tasks/load_TODAY
  clock.py:15: load.override(task_id=f"load_{date.today():%Y_%m_%d}")()
  next: use a fixed date, or the logical date of the run: {{ ds }} in a template, or get_current_context() in a task""",
    "environment": """\
environment.py:16: DYN106 DAG 'environment' depends on the environment
  argument target of 'load' is '/mnt/HOST/exports' with host, user and process as here and '/mnt/host-1.example/exports' on another host, as another user and process
  at /dags/environment/tasks/load/arguments/op_kwargs/target
  environment.py:16: load(target=f"/mnt/{socket.gethostname()}/exports")
  next: ask for it inside a task, or use what is the same on every machine: an Airflow Variable, a configuration file beside the DAG""",
    "hash_seed": """\
hash_seed.py:15: DYN102 DAG 'hash_seed' depends on the hash seed
  load[0] gets 'eu' under hash seed 0 and 'us' under one that turns the set round; only the order differs
  at /dags/hash_seed/tasks/load/mapping/region/0
  hash_seed.py:15: load.expand(region=list({"eu", "us", "apac", "latam"}))
  next: sort what comes out of the set, sorted(...), or write a list; instead of hash() use hashlib""",
    "listing_order": """\
listing_order.py:19: DYN105 DAG 'listing_order' depends on the order of a directory listing
  load[0] gets 'apac' with directories listed in one order and 'us' in another; only the order differs
  at /dags/listing_order/tasks/load/mapping/region/0
  listing_order.py:19: load.expand(region=[path.stem for path in REGIONS.glob("*.csv")])
  next: sort the listing: sorted(os.listdir(...)), sorted(path.glob(...))""",
    "parsing_context": """\
parsing_context.py:20: DYN108 DAG 'parsing_context' depends on the parsing context
  task 'report' is there only when the scheduler parses it
  at /dags/parsing_context/tasks/report
  parsing_context.py:20: parsed_by_worker = get_parsing_context().dag_id is not None
  next: with get_parsing_context() leave out other DAGs only: the DAG that is asked for must be the one the scheduler saw""",
    "randomness": """\
randomness.py:15: DYN104 DAG 'randomness' depends on randomness
  default_args/retry_delay is 300.0 with one random state and 240.0 with another
  at /dags/randomness/settings/default_args/retry_delay
  randomness.py:15: DEFAULTS = {"retries": 2, "retry_delay": timedelta(minutes=random.randint(1, 5))}
  next: derive the value from the DAG and its data, seed a generator of its own, random.Random(42), or draw inside a task""",
    "second_parse": """\
shared/batches.py:8: DYN101 DAG 'second_parse' is another one at a second parse in the same process
  argument batch of 'load' is 0 at the first parse and 1 at the second parse in the same process
  at /dags/second_parse/tasks/load/arguments/op_kwargs/batch
  shared/batches.py:8: issued.append(len(issued))
  next: build what a parse needs inside the file, from nothing: a module that is imported keeps its state between two parses""",
    "time_zone": """\
time_zone.py:15: DYN107 DAG 'time_zone' depends on the time zone
  argument since of 'load' is '2023-11-14T22:13:20' in the time zone here and '2023-11-15T03:58:20' in Asia/Kathmandu
  at /dags/time_zone/tasks/load/arguments/op_kwargs/since
  time_zone.py:15: load(since=datetime.fromtimestamp(1_700_000_000).isoformat())
  next: name the time zone: datetime(..., tzinfo=timezone.utc), pendulum.datetime(..., tz="UTC")""",
    "together": """\
together.py:15: DYN109 DAG 'together' differs only under several circumstances together: clock and environment
  argument mode of 'load' is 'old' now and 'new' at 2031-01-01 00:07:03 UTC and on another host, as another user and process
  at /dags/together/tasks/load/arguments/op_kwargs/mode
  together.py:15: migrated = datetime.now().year >= 2028 and socket.gethostname().endswith(".example")
  next: make it depend on one of them only, then on none: the remedies are those of the single circumstances""",
}


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Determinism:
    """Check the examples."""
    return check([Root(FOLDER, "examples")], folder=tmp_path_factory.mktemp("broken"))


def _say(determinism: Determinism, name: str) -> str:
    file = next(file for file in determinism.files if Path(file.path).stem == name)
    text = str(file.divergences[0].finding).replace(f"{FOLDER}/", "")
    today = f"{dt.datetime.now(tz=dt.timezone.utc):%Y_%m_%d}"
    return text.replace(socket.gethostname(), "HOST").replace(today, "TODAY")


@pytest.mark.parametrize("name", MESSAGES)
def test_message(broken: Determinism, name: str) -> None:
    """The message names the DAG, the cause, both outcomes, the pointer, the line and what to write instead."""
    assert MESSAGES[name] == _HASH.sub("", _say(broken, name))


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


def test_a_second_session_says_the_same(broken: Determinism, tmp_path: Path) -> None:
    """The verdict does not depend on when it is found."""
    again = check([Root(FOLDER, "examples")], folder=tmp_path)
    assert [file.to_dict()["divergences"] for file in broken.files if "clock" not in file.path] == [
        file.to_dict()["divergences"] for file in again.files if "clock" not in file.path
    ]
