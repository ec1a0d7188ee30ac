"""The whole story in Chromium on a phone: with JavaScript, without it, and by keyboard alone."""

import pytest
from playwright.sync_api import BrowserContext, Route, TimeoutError

from tests.browser import checks
from tests.browser.checks import Look, Watch
from tests.story.journey import live_through
from tests.story.visitors import ByKeyboard, WithMouse

pytestmark = pytest.mark.xdist_group("story")

WAYS = {
    "with-javascript": (WithMouse, "de", "fr", True),
    "without-javascript": (WithMouse, "it", "de", False),
    "by-keyboard": (ByKeyboard, "en", "it", True),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_whole_story(town, browser, cast, figure, way):
    visitor, customers, helpers, javascript = WAYS[way]
    windows = [
        checks.window(browser, town.url, Look(language), {}, java_script_enabled=javascript)
        for language in (customers, helpers)
    ]
    customer, helper = (
        visitor(window, language) for window, language in zip(windows, (customers, helpers), strict=True)
    )
    watches = [Watch(customer.page), Watch(helper.page)]
    live_through(cast(way), customer, helper)
    assert [fault for watch in watches for fault in watch.complaints + watch.foreign()] == []
    for window in windows:
        window.close()
    figure(f"whole stories in Chromium {way.replace('-', ' ')}")


def test_a_button_that_no_key_reaches_is_seen(town, browser):
    window = checks.window(browser, town.url, Look("en"), {})
    spoil(window, "<button", '<button tabindex="-1"')
    person = ByKeyboard(window, "en")
    person.open("/post")
    with pytest.raises(AssertionError, match="Tab never reaches"):
        person.press("Continue")
    window.close()


def test_a_button_that_needs_javascript_is_seen(town, browser):
    window = checks.window(browser, town.url, Look("en"), {}, java_script_enabled=False)
    spoil(window, 'type="submit"', 'type="button"')
    window.set_default_timeout(2_000)
    person = WithMouse(window, "en")
    person.open("/post")
    with pytest.raises(TimeoutError, match="navigation"):
        person.press("Continue")
    window.close()


def spoil(window: BrowserContext, good: str, bad: str) -> None:
    """Have every page of this window carry a fault."""

    def plant(route: Route) -> None:
        answer = route.fetch()
        assert good in answer.text()
        route.fulfill(response=answer, body=answer.text().replace(good, bad))

    window.route("**/post", plant)
