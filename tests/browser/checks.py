"""What is looked for on every page: barriers, broken policy, foreign hosts, weight, sideways scroll, small targets."""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, Request, Response

from config import ROOT
from tests.needs import node_package

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

FIRST_VIEW_MAX = 120 * 1024  # bytes over the wire
STYLE_MAX = 12 * 1024  # bytes, gzipped
SCRIPT_MAX = 25 * 1024
TARGET_MIN = 24  # CSS pixels, WCAG 2.2 target size
NARROWEST = 320


@dataclass(frozen=True)
class Look:
    """How somebody looks at a page: the language, the colours, the width of the window."""

    language: str = "de"
    colours: str = "light"
    width: int = 390

    def __str__(self) -> str:
        return f"{self.language}-{self.colours}-{self.width}"


LOOKS = [
    *(Look(language, colours) for language in ("de", "fr", "it", "en") for colours in ("light", "dark")),
    Look(width=1280),
    Look(colours="dark", width=1280),
]


def window(browser: Browser, town_url: str, look: Look, cookies: dict[str, str], **options: Any) -> BrowserContext:
    """A browser window of its own: nothing cached, with these cookies."""
    context = browser.new_context(
        base_url=town_url,
        viewport={"width": look.width, "height": 844},
        color_scheme=look.colours,
        locale={"de": "de-CH", "fr": "fr-CH", "it": "it-CH", "en": "en-GB"}[look.language],
        reduced_motion="reduce",
        **options,
    )
    context.set_default_timeout(20_000)
    kept = {"language": look.language, **cookies}
    context.add_cookies([{"name": name, "value": value, "url": town_url} for name, value in kept.items()])
    return context


@dataclass(frozen=True)
class Weight:
    """The bytes of a first view over the wire, of its style and of its script, these two gzipped."""

    total: int
    style: int
    script: int


@dataclass
class Watch:
    """Listens to a page from the first byte on: what it complains about and everything it asks for."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._listeners = {"console": self._hear, "pageerror": self._break, "request": self._note}
        for event, listener in self._listeners.items():
            self.page.on(event, listener)

    def end(self) -> None:
        """Listen no more: somebody else may go on with the page."""
        for event, listener in self._listeners.items():
            self.page.remove_listener(event, listener)

    def _hear(self, said: ConsoleMessage) -> None:
        if said.type in ("error", "warning"):
            self._complain(said.text)

    def _break(self, error: Error) -> None:
        self._complain(str(error))

    def _note(self, request: Request) -> None:
        self.requests.append(request)

    def _complain(self, text: str) -> None:
        # Chromium writes the status of a page that we ask to refuse us into the console.
        if "Failed to load resource" not in text or "the server responded" not in text:
            self.complaints.append(f"console: {text}")

    def foreign(self) -> list[str]:
        """Every request that left the house."""
        host = self.page.url.split("/")[2]
        return [
            f"foreign host: {request.url}"
            for request in self.requests
            if request.url.startswith("http") and request.url.split("/")[2] != host
        ]

    def too_heavy(self) -> list[str]:
        """What is over the weight of a first view, and what of it did not come at all."""
        broken = [
            f"{response.status}: {response.url}"
            for response in self._responses()
            if response.status >= 400 and not response.request.is_navigation_request()
        ]
        weight = self.weight()
        return broken + [
            f"{what}: {size} bytes, {most} at most"
            for what, size, most in (
                ("first view", weight.total, FIRST_VIEW_MAX),
                ("CSS", weight.style, STYLE_MAX),
                ("JS", weight.script, SCRIPT_MAX),
            )
            if size > most
        ]

    def weight(self) -> Weight:
        """The bytes of everything that came."""
        came = [one for one in self._responses() if not 300 <= one.status < 400]
        return Weight(
            total=sum(one.request.sizes()["responseBodySize"] for one in came),
            style=sum(len(gzip.compress(one.body())) for one in came if one.request.resource_type == "stylesheet"),
            script=sum(len(gzip.compress(one.body())) for one in came if one.request.resource_type == "script"),
        )

    def _responses(self) -> list[Response]:
        """The answers of a server, without what the page carried in itself."""
        answers = [request.response() for request in self.requests if request.url.startswith("http")]
        return [one for one in answers if one is not None]


def barriers(page: Page) -> list[str]:
    """What axe finds by WCAG 2.2 AA and its best practices."""
    page.evaluate(_axe())
    found = page.evaluate(
        "tags => axe.run({runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']})", AXE_TAGS
    )
    assert found["passes"], "axe has looked at nothing"
    return [
        f"axe {violation['id']}: {violation['help']}: {node['html'][:160]}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


def small_targets(page: Page) -> list[str]:
    """Controls that a finger misses; links in running text may be as small as the text."""
    return [
        f"small target{font}: {one}"
        for font in _in_each_font(page)
        for one in page.evaluate(_SMALL_TARGETS, TARGET_MIN)
    ]


def sideways_scroll(page: Page) -> list[str]:
    """What sticks out of the narrowest phone, as the page is and with every text 40 % longer."""
    before = page.viewport_size
    page.set_viewport_size({"width": NARROWEST, "height": 844})
    found = []
    for words in ("", " with long words"):
        if words:
            page.evaluate(_LENGTHEN)
        for font in _in_each_font(page):
            out = page.evaluate(_STICKING_OUT)
            found += [f"sticks out at {NARROWEST} px{words}{font}: {one}" for one in out]
    page.set_viewport_size(before)
    return found


def _in_each_font(page: Page) -> Iterator[str]:
    """Our font, then the one that is seen where ours comes too late (it is optional), which is wider."""
    yield ""
    page.evaluate("document.documentElement.style.setProperty('--font', 'DejaVu Sans, sans-serif')")
    yield " without our font"
    page.evaluate("document.documentElement.style.removeProperty('--font')")


@cache
def _axe() -> str:
    return node_package(AXE).read_text()


_SMALL_TARGETS = """least => {
  const found = [];
  const controls = 'a[href], button, input:not([type=hidden]), select, textarea, summary';
  for (const element of document.querySelectorAll(controls)) {
    if (!element.checkVisibility({opacityProperty: true, visibilityProperty: true})) continue;
    if (element.matches('.skip, .sr')) continue;
    let box = (element.matches('.stretch') ? element.offsetParent : element).getBoundingClientRect();
    if (element.matches('input[type=radio], input[type=checkbox]') && element.labels.length)
      box = element.labels[0].getBoundingClientRect();
    const inText = element.matches('a, summary') && getComputedStyle(element).display === 'inline'
      && [...element.parentElement.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    if (!inText && box.width > 0 && (box.width < least || box.height < least))
      found.push(`${Math.round(box.width)}x${Math.round(box.height)} ${element.outerHTML.slice(0, 120)}`);
  }
  return found;
}"""

_STICKING_OUT = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  const out = [...document.body.querySelectorAll('*')].filter(element =>
    element.getBoundingClientRect().right > width + 1
    && !element.closest('[popover]:not(:popover-open), .sr')
    && ![...ancestors(element)].some(one => getComputedStyle(one).overflowX !== 'visible'));
  function* ancestors(element) {
    for (let one = element.parentElement; one && one !== document.body; one = one.parentElement) yield one;
  }
  const last = out.filter(element => !out.some(other => other !== element && element.contains(other)));
  const found = last.slice(0, 3).map(one => one.outerHTML.slice(0, 140));
  return [`${document.documentElement.scrollWidth} px wide`, ...found];
}"""

_LENGTHEN = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) texts.push(walker.currentNode);
  for (const text of texts) {
    const words = text.textContent.trim();
    if (!words || text.parentElement.closest('script, style, svg')) continue;
    const more = words.slice(0, Math.ceil(words.length * 0.4)).trim();
    text.textContent = text.textContent.replace(words, () => words + (words.includes(' ') ? ' ' : '') + more);
  }
}"""
