"""Light and dark pages as Chromium paints them: each has colours of its own, and both can be read."""

import re

import pytest
from playwright.sync_api import Browser

from marketplace.web.assets import contrast
from tests.browser import checks
from tests.browser.checks import Look
from tests.browser.town import Town

pytestmark = pytest.mark.xdist_group("pages")

COLOURS = """() => {
  const {backgroundColor, color} = getComputedStyle(document.body);
  return [backgroundColor, color];
}"""


def test_light_and_dark_pages_differ_and_both_can_be_read(town: Town, browser: Browser) -> None:
    (paper, ink), (dark_paper, dark_ink) = (painted(town, browser, colours) for colours in ("light", "dark"))
    assert paper != dark_paper
    assert ink != dark_ink
    assert contrast(paper, ink) >= 4.5
    assert contrast(dark_paper, dark_ink) >= 4.5
    assert contrast(paper, "#000000") > contrast(dark_paper, "#000000"), "the dark page is the lighter one"


def painted(town: Town, browser: Browser, colours: str) -> list[str]:
    """The ground and the text of a page as somebody sees them who likes these colours, like `#2b1b25`."""
    window = checks.window(browser, town.url, Look("en", colours), {})
    page = window.new_page()
    page.goto("/")
    found = [as_hex(colour) for colour in page.evaluate(COLOURS)]
    window.close()
    return found


def as_hex(colour: str) -> str:
    """`rgb(43, 27, 37)` as `#2b1b25`; a colour through which another one shines is none to read on."""
    parts = re.fullmatch(r"rgb\((\d+), (\d+), (\d+)\)", colour)
    assert parts, colour
    return "#" + "".join(f"{int(part):02x}" for part in parts.groups())
