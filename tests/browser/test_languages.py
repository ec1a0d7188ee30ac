"""Every page of the URL map in every language: what a person reads or hears there has no English in it."""

from collections.abc import Iterator

import pytest
from lxml import html
from lxml.html import HtmlElement

from tests.browser.pages import TRIES, VISITS, Visit
from tests.browser.town import Town
from tests.languages import ENGLISH, TRANSLATED, gathered, translations
from tests.page import Page

pytestmark = pytest.mark.xdist_group("pages")

# Attributes that are read out, shown in the place of something, or shown by search engines.
SPOKEN = ("aria-label", "alt", "title", "placeholder", "content", "data-confirm")
SILENT = {"script", "style", "svg", "textarea"}


def read_or_heard(element: HtmlElement, code: str) -> Iterator[str]:
    """The texts of an element in the page's language, folded; what is marked as another language is left out."""
    if not isinstance(element.tag, str) or element.tag in SILENT or element.get("lang", code) != code:
        return
    texts = [element.text, *(child.tail for child in element)]
    texts += [
        element.get(name) for name in SPOKEN if not (element.tag == "meta" and element.get("name") != "description")
    ]
    if element.tag == "input" and element.get("type") in ("submit", "button"):
        texts.append(element.get("value"))
    for text in texts:
        if words := [word for word in (text or "").split() if "://" not in word]:
            yield " ".join(words)
    for child in element:
        yield from read_or_heard(child, code)


def english(document: HtmlElement, code: str, sentences: set[str]) -> list[str]:
    """What stands in English on a page of another language."""
    return [text for text in read_or_heard(document, code) if text in sentences or ENGLISH.search(text)]


def open_page(town: Town, visit: Visit, code: str, cookies: dict[str, str]) -> HtmlElement:
    """The page as this person gets it in this language; with `send`, what comes back for a form left as it is.

    With something `typed`, what comes back in the end for sending that again and again.
    """
    page = Page(town.app, code)
    for name, value in cookies.items():
        page.client.set_cookie(name, value)
    page.get(town.address(visit.endpoint, visit.values), status=visit.opens_with)
    if visit.send:
        fields = "input:not([type=hidden]), textarea"
        form = next(form for form in page.all("main form[method=post]") if form.cssselect(fields))
        page.ask("POST", form.get("action") or page.path, data=dict(form.form_values()))
        assert page.response.status_code == 422
        page.document = html.document_fromstring(page.response.get_data(as_text=True))
    if visit.typed:
        answers = (sent(page, visit) for _ in range(TRIES))
        assert visit.status in answers
        page.document = html.document_fromstring(page.response.get_data(as_text=True))
    return page.document


def sent(page: Page, visit: Visit) -> int:
    """Send what is typed once more; gives the status of the answer."""
    [form] = page.all("main form[method=post]")
    address = form.get("action") or page.path
    return page.ask("POST", address, data={**dict(form.form_values()), **visit.typed}).response.status_code


@pytest.fixture(scope="module")
def sentences() -> dict[str, set[str]]:
    """Every English sentence that nothing in another language is equal to."""
    every = {sentence for sentences in gathered() for sentence in sentences}
    return {code: every - translations(code) for code in TRANSLATED}


@pytest.mark.parametrize("code", TRANSLATED)
def test_no_page_speaks_english_beside_its_language(town: Town, sentences, code: str, figure, full: bool) -> None:
    found = {}
    for visit in VISITS if full or code == TRANSLATED[0] else VISITS[::4]:
        cookies = town.cookies(visit.person)
        document = town.inside(lambda visit=visit, cookies=cookies: open_page(town, visit, code, cookies))
        assert document.get("lang") == code
        if spoken := english(document, code, sentences[code]):
            found[str(visit)] = spoken
        figure(f"pages read in {code}, none with English in it")
    assert found == {}


@pytest.mark.parametrize(
    "spoilt",
    [
        "<p>Ihr Auftrag. Please wait.</p>",
        "<p><span>Search</span></p>",
        "<button aria-label='Close this'></button>",
        "<input type='submit' value='Place a bid'>",
        "<p>Guten Tag <b>Anna</b>, have a look</p>",
    ],
)
def test_english_is_found_wherever_it_hides(sentences, spoilt: str) -> None:
    page = html.document_fromstring(f"<html lang='de'><body><p lang='en'>This is English.</p>{spoilt}</body></html>")
    assert len(english(page, "de", sentences["de"])) == 1
