"""The whole story in Chromium on a phone: with JavaScript, without it, and by keyboard alone."""

import pytest

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
