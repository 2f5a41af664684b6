"""The page of the HTML report, in a real browser."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from session_reports import HOSTILE, NAMES_OF_HOSTILITY, make_report, make_wide

pytestmark = pytest.mark.browser

Open = Callable[..., Any]

OPEN = '.pane:nth-child(2) .node[data-task="load"]'
"""The mapped task of sales, in the pane that shows the plan."""


def texts(page: Any, selector: str) -> list[str]:
    """Give the text of every element, as the document holds it."""
    found: list[str] = page.execute_script(
        "return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)", selector
    )
    return found


def wait(page: Any, script: str) -> Any:
    """Wait until *script* gives something true: layout happens when the browser gets to it."""
    for _ in range(100):
        if found := page.execute_script(f"return {script}"):
            return found
        time.sleep(0.05)
    pytest.fail(f"still not true after 5 s: {script}")


def click(page: Any, selector: str) -> None:
    """Click where a user would."""
    wait(page, f"document.querySelector({selector!r})")
    page.find_element("css selector", selector).click()


def press(page: Any, *keys: str) -> None:
    """Press keys, one after the other, wherever the focus is."""
    from selenium.webdriver import ActionChains

    for key in keys:
        ActionChains(page).send_keys(key).perform()


def test_the_overview_tells_what_happened(show: Open) -> None:
    """The first view has the numbers, the findings with their source line, and what failed."""
    page = show(make_report())

    assert ["What the DAGs become"] == texts(page, "h1")
    assert ["2DAGs", "3checks passed", "1failed", "1findings, 1 allowed", "30%expansion coverage"] == texts(
        page, ".number"
    )
    assert ["DYN301", "DYN103"] == texts(page, ".finding .code")
    assert ["12    load.expand(region=list_regions())", "3start = datetime.now()"] == texts(
        page, ".source pre"
    )
    assert ["clock", "allowed: until June"] == texts(page, ".finding .tag")


def test_the_list_of_dags_can_be_searched_and_filtered(show: Open) -> None:
    """Typing leaves the DAGs whose id or file has the text; a filter those that need a look."""
    page = show(make_report())
    assert ["sales", "files"] == texts(page, ".list .name")
    assert ["needs a look", "fine"] == [
        dot.get_attribute("aria-label") for dot in page.find_elements("css selector", ".list .dot")
    ]

    page.find_element("css selector", "input[type=search]").send_keys("FILE")
    assert ["files"] == texts(page, ".list .name")

    page.find_element("css selector", "input[type=search]").clear()
    page.find_elements("css selector", ".filters button")[1].click()
    assert ["sales"] == texts(page, ".list .name")


def test_a_dag_is_drawn_side_by_side(show: Open) -> None:
    """The page of a DAG shows the structure and its plan, each task once, folded."""
    page = show(make_report(), "sales")

    wait(page, "document.querySelectorAll('.node').length === 9")
    assert ["list_regions", "load", "report"] == texts(page, ".pane:nth-child(1) .node .title")
    assert ["PythonOperator", "over region=list_regions", ""] == texts(page, ".pane:nth-child(1) .node .note")
    assert ["success", "2 instances", "success"] == texts(page, ".pane:nth-child(2) .node .note")
    assert [] == texts(page, ".pane .instance")


def test_a_group_is_drawn_around_its_tasks(show: Open) -> None:
    """The box of a mapped group holds the boxes of its tasks, and edges inside are one to one."""
    page = show(make_report(), "files")

    wait(page, "document.querySelector('.pane:nth-child(2) .group')")
    inside = page.execute_script("""
        const box = document.querySelector('.pane:nth-child(2) .group rect').getBoundingClientRect();
        const holds = (b) => b.left >= box.left && b.right <= box.right + 6 && b.top >= box.top && b.bottom <= box.bottom + 6;
        return [...document.querySelectorAll('.pane:nth-child(2) .node')]
            .filter((node) => holds(node.querySelector('.box').getBoundingClientRect()))
            .map((node) => node.dataset.task);
    """)
    assert ["each.read", "each.load"] == inside
    assert ["1:1"] == texts(page, ".pane:nth-child(2) .edge-note")


def test_a_task_opens_to_its_instances(show: Open) -> None:
    """A click opens a folded task; a click on an instance shows its inputs, state and neighbours."""
    page = show(make_report(), "sales")
    click(page, f"{OPEN} .stripe")
    assert ["0  first", "1  second"] == texts(page, f"{OPEN} .instance text")

    click(page, f"{OPEN} .instance:nth-child(2) rect")

    assert ["load[1]"] == texts(page, ".details strong")
    assert ["state", "success", "label", "second", "region", '"us"'] == texts(page, ".details .facts > *")
    assert ["waits for list_regions", "before report"] == texts(page, ".details .keys")
    assert ["list_regions", "report"] == page.execute_script(
        "return [...document.querySelectorAll('.node.lit')].map(n => n.dataset.task)"
    )

    click(page, f"{OPEN} .stripe")
    assert [] == texts(page, f"{OPEN} .instance")


def test_hovering_shows_what_is_below_the_pointer(show: Open) -> None:
    """An instance shows its inputs without a click."""
    from selenium.webdriver import ActionChains

    page = show(make_report(), "sales")
    click(page, f"{OPEN} .stripe")

    target = page.find_element("css selector", f"{OPEN} .instance:nth-child(1) rect")
    ActionChains(page).move_to_element(target).perform()

    wait(page, "document.querySelector('.tip:not([hidden])')")
    assert ["load[0]"] == texts(page, ".tip strong")
    assert ["state", "success", "label", "first", "region", '"eu"'] == texts(page, ".tip .facts > *")


def test_everything_can_be_done_from_the_keyboard(show: Open) -> None:
    """Slash searches, arrows walk the list, Enter opens a DAG and a task, arrows walk its instances."""
    page = show(make_report())

    press(page, "/", "s", "a", "\ue015", "\ue007")
    wait(page, "document.querySelector('h1').textContent === 'sales'")
    wait(page, f"document.querySelector({OPEN!r})")
    page.execute_script(f"document.querySelector({OPEN!r}).focus()")
    press(page, "\ue007", "\ue015", "\ue015")

    assert ["load[1]"] == texts(page, ".details strong")
    press(page, "\ue00c")
    assert page.execute_script("return document.querySelector('.pane:nth-child(2) .details').hidden")


def test_zoom_and_pan_move_the_drawing(show: Open) -> None:
    """The buttons zoom, dragging moves, and one button shows all again."""
    from selenium.webdriver import ActionChains

    page = show(make_report(), "sales")
    scene = "document.querySelector('.scene').getAttribute('transform')"
    fitted = wait(page, scene)

    click(page, ".pane .controls button[aria-label='Zoom in']")
    assert float(fitted.split("scale(")[1][:-1]) < float(wait(page, scene).split("scale(")[1][:-1])
    zoomed = wait(page, scene)
    graph = page.find_element("css selector", ".graph")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", graph)
    ActionChains(page).move_to_element_with_offset(graph, -120, 150).click_and_hold().move_by_offset(
        40, 30
    ).release().perform()
    assert zoomed != wait(page, scene)
    click(page, ".pane .controls button[aria-label='Show all']")

    assert fitted == wait(page, scene)


def test_a_changed_snapshot_is_drawn_and_listed(show: Open) -> None:
    """What was added, removed and changed is marked in the graph, and stands side by side in the text."""
    page = show(make_report(), "sales")

    wait(page, "document.querySelector('.snapshot .node')")
    marks = page.execute_script("""
        return Object.fromEntries([...document.querySelectorAll('.snapshot .node')]
            .map((n) => [n.dataset.task, n.getAttribute('class').match(/mark-(\\w+)/)[1]]));
    """)
    assert {"list_regions": "same", "load": "changed", "report": "removed"} == marks
    assert "load: 2 mapped" in texts(page, ".diff .removed")
    assert "load: 3 mapped" in texts(page, ".diff .added")
    assert "apac" in texts(page, ".diff mark")


def test_another_expansion_can_be_chosen_and_compared(show: Open) -> None:
    """A pane shows what is chosen in it; one more can stand beside."""
    page = show(make_report(), "files")
    wait(page, "document.querySelectorAll('.pane').length === 2")

    page.find_element("css selector", ".under button").click()
    wait(page, "document.querySelectorAll('.pane').length === 3")
    page.execute_script("""
        const select = document.querySelector('.pane:nth-child(3) select');
        select.value = '0';
        select.dispatchEvent(new Event('change'));
    """)

    wait(page, "document.querySelector('.pane:nth-child(3) .node')")
    assert "failed in 1.25 s" in texts(page, ".pane:nth-child(3) .facts dd")


def test_two_thousand_instances_stay_fluid(show: Open) -> None:
    """Two thousand instances open as cells, in one picture, and each can be asked."""
    page = show(make_wide(2000), "sales")

    click(page, f"{OPEN} .stripe")

    assert 2000 == page.execute_script("return document.querySelectorAll('.cells .instance').length")
    assert 20 == page.execute_script("return document.querySelectorAll('.cells .state-failed').length")
    page.execute_script(
        "document.querySelector('[data-index=\"1999\"]').dispatchEvent(new MouseEvent('click', {bubbles: true}))"
    )
    assert ["load[1999]"] == texts(page, ".details strong")


@pytest.mark.parametrize("dag_id", ["", "%3C%2Fscript%3E%3Cscript%3Ewindow.hacked%3D1%3C%2Fscript%3E"])
def test_a_hostile_dag_injects_nothing(show: Open, dag_id: str) -> None:
    """Names like markup are shown as they are: no element comes from them, and no script runs."""
    page = show(make_report(NAMES_OF_HOSTILITY), dag_id)

    assert HOSTILE[0] in texts(page, ".list .name")
    if dag_id:
        assert [HOSTILE[0]] == texts(page, "h1")
        click(page, f"{OPEN} .stripe")
        page.execute_script(
            "document.querySelector('.instance').dispatchEvent(new MouseEvent('click', {bubbles: true}))"
        )
        assert HOSTILE[2] in texts(page, ".details dd")
    assert page.execute_script("return window.hacked === undefined")
    assert 2 == page.execute_script("return document.scripts.length")
    assert [] == texts(page, "img, iframe, object, main script, a[href^=javascript]")


def test_the_policy_stops_what_would_get_in(show: Open) -> None:
    """Were markup injected after all, the page's policy would not let it run."""
    page = show(make_report())

    page.execute_script("""
        const script = document.createElement('script');
        script.textContent = 'window.hacked = 1';
        document.body.append(script);
    """)

    assert page.execute_script("return window.hacked === undefined")
    [refused] = page.get_log("browser")
    assert "Content Security Policy" in refused["message"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_follow_the_system(show: Open, browser: Any, scheme: str) -> None:
    """The page is light or dark as the system is, until the button says otherwise; text can be read in both."""
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    page = show(make_report(), "sales")

    assert 4.5 < contrast(page, "h1")
    assert 4.5 < contrast(page, ".meta")
    assert (brightness(page, "body") > 0.5) == (scheme == "light")
    click(page, ".theme")
    click(page, ".theme")
    assert brightness(page, "body") < 0.5


def color(page: Any, selector: str, name: str) -> list[float]:
    """Give a colour as it is shown: red, green, blue from 0 to 1."""
    shown = page.find_element("css selector", selector).value_of_css_property(name)
    return [float(part) / 255 for part in re.findall(r"[\d.]+", shown)[:3]]


def brightness(page: Any, selector: str, name: str = "background-color") -> float:
    """Give the relative luminance of a colour (WCAG 2.2)."""
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color(page, selector, name)]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(page: Any, selector: str) -> float:
    """Give the contrast of a text to the page behind it (WCAG 2.2)."""
    one, other = brightness(page, selector, "color"), brightness(page, "body")
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def test_the_page_is_no_larger_than_it_needs_to_be() -> None:
    """The page without data stays small enough to be attached to every CI run."""
    asset = Path(__file__).parents[2] / "pytest_dynadag/render/page.html"

    assert asset.stat().st_size < 200_000
