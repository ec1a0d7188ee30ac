"""Every page of the URL map in Chromium: no barrier, no broken policy, light, and as narrow as the narrowest phone."""

import pytest
from playwright.sync_api import Browser

from tests.browser import checks
from tests.browser.checks import LOOKS, Look, Watch
from tests.browser.pages import NOT_PAGES, VISITS, Visit, unvisited
from tests.browser.town import Town

pytestmark = pytest.mark.xdist_group("pages")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "look" in metafunc.fixturenames:
        looks = LOOKS if metafunc.config.getoption("--full") else LOOKS[:1]
        halves = [pytest.param(look, marks=pytest.mark.xdist_group(f"half-{n % 2}")) for n, look in enumerate(looks)]
        metafunc.parametrize("look", halves, ids=str)
    if "visit" in metafunc.fixturenames:
        metafunc.parametrize("visit", VISITS, ids=str)


def test_every_page_of_the_url_map_is_visited(town, figure):
    assert unvisited(town.app) == set()
    visited = {visit.endpoint for visit in VISITS}
    assert visited & NOT_PAGES.keys() == set()
    assert visited | NOT_PAGES.keys() <= set(town.app.view_functions), "declared, but there is no such route"
    figure("kinds of pages in the URL map, each looked at", len(visited))


def test_page(town: Town, browser: Browser, visit: Visit, look: Look, figure) -> None:
    window = checks.window(browser, town.url, look, town.cookies(visit.person))
    page = window.new_page()
    watch = Watch(page)
    address = town.url + town.address(visit.endpoint, visit.values)
    answer = page.goto(address, wait_until="load")
    assert (answer.status, page.url) == (visit.status, address), town.complaints()
    faults = watch.foreign() + watch.too_heavy()
    if visit.send:
        page.locator("main form[method=post]:has(input:not([type=hidden]), textarea) button:not([name])").first.click()
        assert page.title().startswith(ERROR[look.language]), page.title()
        assert page.evaluate("document.activeElement.matches('[role=alert], [role=alert] *, .summary-errors')"), "focus"
    assert page.locator("html").get_attribute("lang") == look.language
    faults += checks.barriers(page) + checks.small_targets(page) + checks.sideways_scroll(page)
    faults += watch.complaints
    window.close()
    assert not faults, "\n".join(faults)
    figure("pages looked at in Chromium (axe, CSP, weight, 320 px + 40 %, targets): 0 faults")


ERROR = {"de": "Fehler", "fr": "Erreur", "it": "Errore", "en": "Error"}
