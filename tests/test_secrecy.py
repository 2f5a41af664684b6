"""What nobody may read: by its name, by a pattern of the project's, or because it was given as a secret."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from pytest_dynadag.generate.comparison import mask_value
from pytest_dynadag.render.values import ValueWriter
from pytest_dynadag.secrecy import (
    SecretPatternError,
    find_in_metadata,
    hide,
    hide_assigned,
    is_secret,
    match_any,
    set_patterns,
)


@pytest.fixture(autouse=True)
def no_patterns_stay() -> Iterator[None]:
    """Take back the patterns that a test sets: they count for the whole process."""
    yield
    set_patterns([])


@pytest.mark.parametrize("name", ["password", "DB-Password", "x-api key", "GITHUB_TOKEN", "aws_credentials"])
def test_a_name_says_that_its_value_is_secret(name: str) -> None:
    """Upper case, hyphens and what stands around it do not matter."""
    assert is_secret(name)


@pytest.mark.parametrize("name", ["pass_rate", "region", "", 3, None])
def test_other_names_do_not(name: object) -> None:
    """A name that only begins like one, and what is no name, says nothing."""
    assert not is_secret(name)


def test_a_pattern_hides_texts_and_what_stands_under_a_name() -> None:
    """What a project adds counts in values, in the argument's name, and in what a divergence shows."""
    set_patterns([r"AKIA[0-9A-Z]{4}", r"^customer_"])

    assert "key *** of ***" == hide("key AKIA1234 of AKIAZZZZ")
    assert 'customer_id=*** note="has ***"' == ValueWriter().arguments(
        {"customer_id": 7, "note": "has AKIA1234"}
    )
    assert "***" == mask_value("/dags/d/tasks/t/arguments/customer_id", 7)
    assert ["***"] == mask_value("/dags/d/tags", ["AKIA1234"])


def test_ids_of_dags_and_tasks_hide_nothing() -> None:
    """A DAG that refreshes tokens shows in what it differs."""
    assert "eu" == mask_value("/dags/refresh_tokens/tasks/load_secrets/arguments/region", "eu")
    assert "***" == mask_value("/dags/d/tasks/t/arguments/op_kwargs/db_password", "hunter22")


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(", "missing ), unterminated subpattern at position 0"),
        ("a*", "it matches the empty text, and so everything"),
    ],
)
def test_what_cannot_be_meant_is_refused(pattern: str, why: str) -> None:
    """The message names the line and what is wrong with it; nothing is set."""
    with pytest.raises(SecretPatternError) as caught:
        set_patterns(["hunter22", pattern])

    assert f"ini dynadag_secret: {pattern!r} is no regular expression: {why}" == str(caught.value)
    assert (pattern, why) == (caught.value.pattern, caught.value.why)
    assert "hunter22" == hide("hunter22")


@pytest.mark.parametrize(
    ("variables", "connections", "found"),
    [
        ({"api_key": "hunter22", "region": "europe"}, {}, {"hunter22"}),
        ({"settings": {"token": "hunter22", "size": "large"}}, {}, {"hunter22"}),
        ({"api_key": "eu"}, {}, set()),
        ({}, {"db": "postgres://ada:hunter22@host:5432/x"}, {"hunter22"}),
        (
            {},
            {"db": "postgres://ada:hunter%2F22@host/x?api_token=t0ken22"},
            {"hunter%2F22", "hunter/22", "t0ken22"},
        ),
        ({}, {"db": '{"conn_type": "http", "password": "hunter22", "host": "example"}'}, {"hunter22"}),
        ({}, {"db": {"password": "hunter22", "extra": {"private_key": "t0ken22"}}}, {"hunter22", "t0ken22"}),
        ({}, {"db": {"host": "example", "extra": '{"private_key": "t0ken22"}'}}, {"t0ken22"}),
        ({}, {"db": "{broken", "other": "http://[", "none": None}, set()),
    ],
)
def test_secrets_are_found_in_what_a_run_is_given(
    variables: dict[str, Any], connections: dict[str, Any], found: set[str]
) -> None:
    """As Airflow masks them: values of Variables by name, and the passwords of Connections however written."""
    assert found == find_in_metadata(variables, connections)


def test_the_longest_secret_is_hidden_first() -> None:
    """A secret that stands in another one leaves no rest of it."""
    assert "*** and ***" == hide("hunter2222 and hunter22", match_any(["hunter22", "hunter2222"]))
    assert match_any([]) is None


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('login(password="hunter22", region="eu")', 'login(password=***, region="eu")'),
        (
            "DAG('d', default_args={'db_password': 'hunter22', 'n': 1})",
            "DAG('d', default_args={'db_password': ***, 'n': 1})",
        ),
        ('API_TOKEN = "hunter22"  # of the test account', "API_TOKEN = ***  # of the test account"),
        ('load.expand(password=["hunter22", f"hunter{n}"])', "load.expand(password=***)"),
        ('connect(secret=decode("hunter, 22"), n=1)', "connect(secret=***, n=1)"),
        ("password = 'hunter' + \"it's 22\"", "password = ***"),
        ("'token': 'hunter\\'22', 'n': {1, 2}", "'token': ***, 'n': {1, 2}"),
        ("if token == 'hunter22':", "if token == ***"),
        ("for token in tokens:", "for token in tokens:"),
        ('for token in {"eu", "us"}:', 'for token in {"eu", "us"}:'),
        ("postgres = 'postgres://ada:hunter22@host/x'", "postgres = 'postgres://ada:***@host/x'"),
    ],
)
def test_a_quoted_line_of_code_tells_no_secret(line: str, shown: str) -> None:
    """What is written under a secret name in the user's file is not repeated in a finding."""
    assert shown == hide_assigned(line)
