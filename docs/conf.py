"""How the site is built from these pages: `make docs`."""

# The pages are plain Markdown, which reads well where nothing is built; what only the site needs stands here.

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "pytest-dynadag"
author = "The pytest-dynadag authors"
copyright = author
version = release = metadata.version("pytest-dynadag")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = project
html_copy_source = False
html_show_sphinx = False

# A link to a heading is checked like one to a page.
myst_heading_anchors = 3

# Docstrings are written as Google's style has them, names between single backticks.
default_role = "code"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True

NAVIGATION = {
    "Tutorial": ["tutorial"],
    "How to": [
        "how-to/test-expansions",
        "how-to/test-config-driven-dags",
        "how-to/find-what-a-dag-depends-on",
        "how-to/review-snapshots",
        "how-to/measure-coverage",
        "how-to/run-in-ci",
        "how-to/show-reports-in-ci",
        "how-to/run-in-parallel",
        "how-to/replace-a-dagbag-test",
        "how-to/move-to-airflow-3",
        "how-to/use-beside-airflow-in-a-box",
        "how-to/ask-the-doctor",
    ],
    "Reference": [
        "reference/fixture",
        "reference/case-files",
        "reference/options",
        "reference/rules",
        "reference/reports",
        "reference/airflow-versions",
        "reference/benchmarks",
        "reference/api",
    ],
    "Explanation": [
        "explanation/expansion",
        "explanation/determinism",
        "explanation/plan-and-run",
        "explanation/limitations",
        "explanation/alternatives",
        "explanation/words",
    ],
}
"""Which pages stand at the left, in which order. One that is missing fails the build."""


def write_navigation() -> str:
    """Give the navigation as Sphinx reads it."""
    return "".join(
        f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n" + "\n".join(pages) + "\n```\n"
        for caption, pages in NAVIGATION.items()
    )


def add_navigation(_: Sphinx, page: str, source: list[str]) -> None:
    """Put the navigation below the first page, where Sphinx looks for it."""
    if page == "index":
        source[0] += write_navigation()


def setup(app: Sphinx) -> None:
    """Tell Sphinx."""
    app.connect("source-read", add_navigation)
