"""Files and folders of every kind: odd names, archives, links, sizes, `.airflowignore` in both syntaxes."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_dynadag.bridge.loading import bridge
from pytest_dynadag.generate.probing import ProbeError, generate
from pytest_dynadag.generate.records import FileRecord, Generation, Root

DAG = "from airflow import DAG\nwith DAG({id!r}, schedule=None):\n    pass\n"
BAD = "from airflow import DAG\nx\n"
NAMES = {
    "with space": "with\\ space",
    "ünïcödé_日本": "unicode",
    'it\'s "quoted"': "quotes",
    "two\nlines": "newline",
    "[31m\x1b[31mred": "escape",
    "$HOME;`id`": "shell",
    "back\\slash": "backslash",
    "percent%20%s{}": "percent",
    "a" * 200: "long",
}
"""Parts of the names of files; what is a dag_id is Airflow's to say."""

Make = Callable[..., Generation]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Generate from the folder `dags`."""

    def make(**options: object) -> Generation:
        root = Root(tmp_path / "dags", "a test")
        return generate([root], folder=tmp_path / "session", **options)  # type: ignore[arg-type]

    return make


@pytest.fixture
def dags(tmp_path: Path) -> Path:
    """Give a folder for DAG files, with a DAG in it."""
    folder = tmp_path / "dags"
    folder.mkdir()
    (folder / "good.py").write_text(DAG.format(id="good"))
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write files of many names, archives, links and large files, each kind into a folder of its own."""
    place = tmp_path_factory.mktemp("unusual")
    for kind in ("names", "archives", "links", "sizes"):
        (place / "dags" / kind).mkdir(parents=True)
    (place / "elsewhere").mkdir()
    write_names(place / "dags" / "names")
    write_archives(place / "dags" / "archives")
    write_links(place / "dags" / "links", place / "elsewhere", place / "gone.py")
    write_sizes(place / "dags" / "sizes")
    return place


def write_names(folder: Path) -> None:
    """Write a DAG file of each name, and one with a mistake."""
    for number, name in enumerate(NAMES):
        (folder / f"{name}.py").write_text(DAG.format(id=f"dag_{number}"))
        (folder / f"{name} bad.py").write_text(BAD)


def write_archives(folder: Path) -> None:
    """Write an archive with files that load and one that does not, and something that is called an archive."""
    with zipfile.ZipFile(folder / "many.zip", "w") as archive:
        for name in ("one", "two"):
            # Airflow forgets DAGs without a name of their own when a file after theirs fails.
            archive.writestr(f"{name}.py", DAG.format(id=name).replace("):", ") as dag:"))
        archive.writestr("bad.py", BAD)
        archive.writestr("read.me", "of no importance")
    (folder / "broken.zip").write_bytes(b"PK\x03\x04 and nothing else")


def write_links(folder: Path, elsewhere: Path, gone: Path) -> None:
    """Write links to a folder, to a file in it, to a file that is not there, and to itself."""
    (elsewhere / "linked.py").write_text(DAG.format(id="linked"))
    (folder / "folder").symlink_to(elsewhere)
    (folder / "file.py").symlink_to(elsewhere / "linked.py")
    (folder / "nowhere.py").symlink_to(gone)
    (folder / "itself.py").symlink_to(folder / "itself.py")


def write_sizes(folder: Path) -> None:
    """Write a file of five megabytes, and one with a thousand DAGs."""
    lines = "".join(f"value_{number} = {'x' * 80!r}\n" for number in range(55_000))
    (folder / "large.py").write_text(lines + DAG.format(id="large"))
    loop = "from airflow import DAG\nfor n in range(1000):\n    with DAG(f'many_{n}', schedule=None): pass\n"
    (folder / "many.py").write_text(loop)
    assert (folder / "large.py").stat().st_size > 5_000_000


@pytest.fixture(scope="module")
def made(place: Path) -> Generation:
    """Make one generation of all of them."""
    return generate([Root(place / "dags", "a test")], folder=place / "session", timeout=200.0)


def records_in(made: Generation, kind: str) -> list[FileRecord]:
    """Give the records of the files of one kind."""
    return [record for record in made.files if f"/dags/{kind}/" in record.path]


def dags_of(records: list[FileRecord]) -> list[str]:
    """Give the DAGs in them."""
    return [structure.dag_id for record in records for structure in record.structures]


def test_names_of_files(made: Generation) -> None:
    """Whatever a file is called, its DAG is found in it, and a mistake in it has a line."""
    records = records_in(made, "names")

    homes = {Path(record.path).stem: dag_id for record in records for dag_id in dags_of([record])}
    assert {name: f"dag_{number}" for number, name in enumerate(NAMES)} == homes
    messages = [str(failure.finding) for record in records for failure in record.failures]
    assert len(NAMES) == len(messages)
    assert all(
        message.endswith(" bad.py:2: DYN401 NameError: name 'x' is not defined") for message in messages
    )
    assert not any(character in message for message in messages for character in "\n\x1b")


def test_an_archive(made: Generation) -> None:
    """The DAGs in it are loaded, and a file in it that fails is named; a broken archive is none."""
    records = records_in(made, "archives")

    assert {"one", "two"} == set(dags_of(records))
    (failure,) = [failure for record in records for failure in record.failures]
    assert "DYN401 NameError: name 'x' is not defined" in str(failure.finding)
    assert "bad.py" in str(failure)


def test_links(made: Generation) -> None:
    """A link to a file or a folder is followed; one that leads nowhere is left out."""
    records = records_in(made, "links")

    assert {"linked"} == set(dags_of(records))
    assert {"file.py", "linked.py"} == {Path(record.path).name for record in records}


def test_a_large_file_and_many_dags(made: Generation) -> None:
    """A file of five megabytes and one with a thousand DAGs give what they have."""
    records = records_in(made, "sizes")

    assert [] == [str(failure) for record in records for failure in record.failures]
    assert 1001 == len(dags_of(records))


def test_a_folder_that_contains_itself(make: Make, dags: Path) -> None:
    """Airflow refuses such a folder, and so do we, in its words."""
    (dags / "loop").symlink_to(dags)
    with pytest.raises(RuntimeError) as airflows:
        list(bridge().list_dag_files(dags))

    with pytest.raises(ProbeError) as caught:
        make()

    assert str(airflows.value) in str(caught.value)


def test_a_file_that_may_not_be_read(make: Make, dags: Path, tmp_path: Path) -> None:
    """Airflow leaves it out with a line in its log, and so do we; named directly, it is an import error."""
    (dags / "secret.py").write_text(DAG.format(id="secret"))
    (dags / "secret.py").chmod(0)

    if os.access(dags / "secret.py", os.R_OK):
        pytest.skip("whoever runs this, such as root, may read everything")

    generation = make()
    named = generate([Root(dags / "secret.py", "a test")], folder=tmp_path / "named")

    assert ["good"] == list(generation.dags)
    (failure,) = named.files[0].failures
    assert f"{dags}/secret.py:1: DYN401 PermissionError: " in str(failure.finding)


@pytest.mark.parametrize(
    ("syntax", "text"),
    [
        ("glob", "# comment\nleft_out/\n**/also_*.py\n!also_kept.py\n"),
        ("regexp", "# comment\nleft_out\nalso_[^k]\n"),
    ],
)
def test_airflowignore(
    make: Make, dags: Path, monkeypatch: pytest.MonkeyPatch, syntax: str, text: str
) -> None:
    """Both syntaxes hold, the one that Airflow's option names; it has to be let through."""
    for name in ("left_out/a.py", "also_b.py", "sub/also_c.py", "also_kept.py", "sub/d.py"):
        (dags / name).parent.mkdir(exist_ok=True)
        (dags / name).write_text(DAG.format(id=Path(name).stem))
    (dags / ".airflowignore").write_text(text)
    monkeypatch.setenv("AIRFLOW__CORE__DAG_IGNORE_FILE_SYNTAX", syntax)

    generation = make(let_through=["AIRFLOW__CORE__DAG_IGNORE_FILE_SYNTAX"])

    assert {"good", "also_kept", "d"} == set(generation.dags)


def test_airflowignore_in_the_default_syntax(make: Make, dags: Path) -> None:
    """The environment of the machine does not decide: without a word, it is the default of the Airflow that is installed."""
    (dags / "a_b.py").write_text(DAG.format(id="a_b"))
    (dags / "ab.py").write_text(DAG.format(id="ab"))
    (dags / ".airflowignore").write_text(
        "a?b.py\n"
    )  # glob: one character between; regexp: an a or not, then a b

    generation = make()

    expected = {"good", "ab"} if bridge().family == "3" else {"good"}
    assert expected == set(generation.dags)


def test_an_airflowignore_that_cannot_be_read(make: Make, dags: Path) -> None:
    """Bytes that are no text are told in Airflow's words."""
    (dags / ".airflowignore").write_bytes(b"\xff\xfe\n")
    with pytest.raises(UnicodeDecodeError):
        list(bridge().list_dag_files(dags))

    with pytest.raises(ProbeError, match="UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff"):
        make()
