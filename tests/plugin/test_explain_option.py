"""The option that shows what a rule is about: without Airflow, without DAGs, and instead of a session."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_dynadag.findings import RULES
from pytest_dynadag.plugin.reference import UnknownRuleError, explain, find_section

Run = Callable[..., pytest.RunResult]


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_is_explained(rule: str) -> None:
    """The section of the reference is shown, from its heading to what to do instead; no link leads nowhere."""
    shown = explain(rule)

    assert f"## {rule}: {RULES[rule]}" == shown.splitlines()[0]
    assert "**Instead:** " in shown
    assert "](" not in shown
    assert 1 == shown.count("\n## ") + 1


def test_a_section_ends_where_the_next_begins() -> None:
    """Of a page, the section of one rule is given, the last one too."""
    page = "# Rules\n\n## DYN1: one\n\nfirst\n\n## DYN2: two\n\nlast\n"

    assert "## DYN1: one\n\nfirst" == find_section(page, "DYN1")
    assert "## DYN2: two\n\nlast" == find_section(page, "DYN2")


def test_a_rule_may_be_written_in_small_letters() -> None:
    """Nobody needs the shift key."""
    assert explain("DYN103") == explain("dyn103")


def test_an_unknown_rule_is_refused_with_the_nearest_and_all() -> None:
    """A slip is answered with what was probably meant, and with the list of rules."""
    with pytest.raises(UnknownRuleError) as refused:
        explain("DYN307")

    first, *listed = str(refused.value).splitlines()
    assert (
        "--dynadag-explain: there is no rule 'DYN307'; did you mean 'DYN306' or 'DYN305' or 'DYN304'?"
        == first
    )
    assert [f"  {rule}  {meaning}" for rule, meaning in RULES.items()] == listed


def test_the_option_shows_the_section_and_no_session(pytester: pytest.Pytester, run: Run) -> None:
    """Only the section is printed; a module named airflow that cannot be imported disturbs nobody."""
    pytester.makepyfile(airflow="raise RuntimeError('imported')", test_it="def test_it(): assert False")

    result = run("--dynadag-explain", "DYN103")

    assert pytest.ExitCode.OK == result.ret
    assert explain("DYN103").splitlines() == result.outlines


def test_an_unknown_rule_is_a_usage_error(run: Run) -> None:
    """The option refuses what is no rule as pytest refuses an option."""
    result = run("--dynadag-explain", "DYN999")

    assert pytest.ExitCode.USAGE_ERROR == result.ret
    result.stderr.fnmatch_lines(["ERROR: --dynadag-explain: there is no rule 'DYN999'; *"])
