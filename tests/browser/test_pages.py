"""Every page of the URL map in Chromium: no barrier, no broken policy, light, and as narrow as the narrowest phone."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import checks
from tests.browser.checks import LOOKS, Look, Watch
from tests.browser.pages import NOT_PAGES, TRIES, VISITS, Visit, unvisited
from tests.browser.town import Town

pytestmark = pytest.mark.xdist_group("pages")

Count = Callable[..., None]
Counters = tuple[Count, Count]


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


@pytest.fixture(scope="module")
def page_of(town: Town, browser: Browser) -> Iterator[Callable[[str | None, Look], Page]]:
    """The page of a person with this look; it is kept, since opening a window takes longer than opening a page."""
    kept: dict[tuple[str | None, Look], Page] = {}

    def page(person: str | None, look: Look) -> Page:
        if (person, look) not in kept:
            for known in [one for one in kept if one[1] != look]:
                kept.pop(known).context.close()
            opened = checks.window(browser, town.url, look, town.cookies(person)).new_page()
            opened.context.new_cdp_session(opened).send("Network.setCacheDisabled", {"cacheDisabled": True})
            kept[person, look] = opened
        return kept[person, look]

    yield page
    for one in kept.values():
        one.context.close()


@pytest.fixture
def counters(figure, largest) -> Counters:
    """What adds up, and what keeps the largest."""
    return figure, largest


def test_page(
    town: Town, page_of: Callable[[str | None, Look], Page], visit: Visit, look: Look, counters: Counters
) -> None:
    page = page_of(visit.person, look)
    watch = Watch(page)
    address = town.url + town.address(visit.endpoint, visit.values)
    answer = page.goto(address, wait_until="load")
    assert (answer.status, page.url) == (visit.opens_with, address), town.complaints()
    faults, weight = watch.foreign() + watch.too_heavy(), watch.weight()
    if visit.typed:
        assert send_until_refused(page, visit) == visit.status
    if visit.send:
        with page.expect_navigation():
            page.locator(
                "main form[method=post]:has(input:not([type=hidden]), textarea) button:not([name])"
            ).first.click()
        assert page.title().startswith(ERROR[look.language]), page.title()
        assert page.evaluate("document.activeElement.matches('[role=alert], [role=alert] *, .summary-errors')"), "focus"
    assert page.locator("html").get_attribute("lang") == look.language
    faults += checks.barriers(page) + checks.small_targets(page) + checks.sideways_scroll(page)
    faults += watch.complaints
    watch.end()
    assert not faults, "\n".join(faults)
    figure, largest = counters
    largest("bytes of the heaviest first view (120 KB at most)", weight.total)
    largest("bytes of CSS in it, gzipped (12 KB at most)", weight.style)
    largest("bytes of JavaScript in it, gzipped (25 KB at most)", weight.script)
    figure("pages looked at in Chromium (axe, CSP, weight, 320 px + 40 %, targets): 0 faults")


def send_until_refused(page: Page, visit: Visit) -> int:
    """Type and press the button until the answer has the visit's status; gives the last one."""
    address = page.url
    for _ in range(TRIES):
        page.goto(address)
        for name, text in visit.typed.items():
            page.locator(f"main [name={name}]").fill(text)
        with page.expect_navigation() as arrived:
            page.locator("main form[method=post] button:not([name])").first.click()
        if arrived.value.status == visit.status:
            break
    return int(arrived.value.status)


ERROR = {"de": "Fehler", "fr": "Erreur", "it": "Errore", "en": "Error"}
