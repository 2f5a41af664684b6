"""The reference of the rules, at hand where a finding is read: it comes with the package."""

from __future__ import annotations

import re
from importlib import resources

from pytest_dynadag.errors import DynadagError, nearest, suggest
from pytest_dynadag.findings import RULES

PAGE = "rules.md"
"""The page of the documentation; here a link to it, in the wheel a copy."""

_LINK = re.compile(r"\[([^\]]+)\]\([^)]+\)")


class UnknownRuleError(DynadagError):
    """There is no rule *code*; the nearest ones are named, and all are listed."""

    def __init__(self, code: str) -> None:
        self.code = code
        meant = suggest(code, RULES) if nearest(code, RULES) else "there are:"
        rules = "".join(f"\n  {rule}  {meaning}" for rule, meaning in RULES.items())
        super().__init__(f"--dynadag-explain: there is no rule {code!r}; {meant}{rules}")


def explain(code: str) -> str:
    """
    Give the section of the reference on a rule, for a terminal: Markdown without links.

    Raises:
        UnknownRuleError: There is no such rule.
    """
    rule = code.upper()
    if rule not in RULES:
        raise UnknownRuleError(code)
    page = resources.files("pytest_dynadag").joinpath(PAGE).read_text(encoding="utf-8")
    return _LINK.sub(r"\1", find_section(page, rule))


def find_section(page: str, rule: str) -> str:
    """Give the section of *page* whose heading begins with *rule*."""
    [section] = re.findall(rf"^## {rule}: .*?(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    return str(section).strip()
