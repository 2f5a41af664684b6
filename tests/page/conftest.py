"""A real browser, and pages opened in it as a user opens them: by double-click, from a file."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_dynadag.render.page import write_page
from pytest_dynadag.render.report import SessionReport

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
MISSING = "Chromium and its driver are not installed (Debian: chromium, chromium-driver)"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1440,900",
)

Open = Callable[..., Any]


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Start Chromium once; where it is missing the tests are skipped, but not in CI."""
    if not (CHROMIUM and DRIVER):
        assert not os.environ.get("CI"), MISSING
        pytest.skip(MISSING)
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def show(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Write the page of a report, open it by file://, and see to it that the console stays silent."""

    def show(report: SessionReport, dag_id: str = "") -> Any:
        path = tmp_path / "report.html"
        path.write_text(write_page(report), encoding="utf-8")
        browser.get("about:blank")
        browser.get(f"{path.as_uri()}#{dag_id}")
        return browser

    yield show
    assert [] == browser.get_log("browser")
