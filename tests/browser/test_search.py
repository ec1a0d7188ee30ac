"""A list that follows every choice at once where scripts run; without them its button does that (tests/web)."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.town import Town

pytestmark = pytest.mark.xdist_group("pages")


@pytest.fixture
def page(town: Town, browser: Browser) -> Iterator[Page]:
    """A window whose page would lose its mark if it were loaded anew, and that hears what breaks the content policy."""
    window = browser.new_context(locale="en-GB", viewport={"width": 390, "height": 800})
    page, complaints = window.new_page(), list[str]()
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    yield page
    window.close()
    assert complaints == []


@pytest.mark.parametrize(("path", "name"), [("/helpers", "friends"), ("/tasks", "skill")])
def test_a_list_follows_each_choice_without_a_new_page(town: Town, page: Page, path: str, name: str) -> None:
    page.goto(f"{town.url}{path}?place=3011+Bern&lang=en")
    cards = page.locator("#found :is(.helper-card, .task-card)")
    before = cards.count()
    assert before
    page.evaluate("window.unchanged = true")
    for folded in page.locator("main form details:not([open]) summary").all():
        folded.click()
    chosen = page.locator(f"main form [name={name}]")
    chosen.check() if chosen.get_attribute("type") == "checkbox" else chosen.select_option("tv")
    expect(cards).not_to_have_count(before)
    assert f"{name}=" in page.url
    assert page.evaluate("window.unchanged")
    expect(page.locator("#found-count")).to_have_text(re.compile(f"{cards.count()} results? on this page"))
    page.go_back()
    expect(cards).to_have_count(before)
