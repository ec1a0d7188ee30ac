"""Each check of the pages is shown a fault that was planted into a real page, and has to find it."""

import random

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, Route

from tests.browser import checks
from tests.browser.checks import Look, Watch
from tests.browser.pages import unvisited
from tests.browser.test_html import messages
from tests.browser.town import Town

pytestmark = pytest.mark.xdist_group("pages")

TYPES = {"stylesheet": "text/css", "script": "text/javascript"}


@pytest.fixture
def planted(town: Town, browser: Browser):
    """Opens the imprint with something planted at the end of its main part; gives the page and who watched it."""
    windows = []

    def open_planted(html: str, file: str = "") -> tuple[Page, Watch]:
        def plant(route: Route) -> None:
            answer = route.fetch()
            route.fulfill(response=answer, body=answer.text().replace("</main>", f"{html}</main>"))

        windows.append(checks.window(browser, town.url, Look(), {}))
        page = windows[-1].new_page()
        page.route("**/imprint", plant)
        page.route(
            "**/planted.*", lambda route: route.fulfill(body=file, content_type=TYPES[route.request.resource_type])
        )
        watch = Watch(page)
        page.goto("/imprint")
        return page, watch

    yield open_planted
    for window in windows:
        window.close()


def test_nothing_is_found_where_nothing_was_planted(planted):
    page, watch = planted("")
    assert watch.foreign() + watch.too_heavy() + checks.barriers(page) + checks.small_targets(page) == []
    assert checks.sideways_scroll(page) + watch.complaints == []


def test_axe_finds_a_field_without_a_label(planted):
    page, _ = planted('<input name="nameless">')
    assert any("label" in found for found in checks.barriers(page))


def test_axe_finds_faint_text(planted):
    page, _ = planted('<p class="faint">Kaum zu lesen</p>')
    page.evaluate("document.querySelector('.faint').style.color = '#bbb'")
    assert any("color-contrast" in found for found in checks.barriers(page))


@pytest.mark.parametrize(
    "html",
    [
        '<p style="color: red">Rot</p>',
        "<script>document.title = 'fremd'</script>",
        '<p><a href="/" onclick="x()">a</a></p>',
    ],
)
def test_the_content_policy_complains_of_inline_style_and_script(planted, html):
    page, watch = planted(html)
    if "onclick" in html:
        page.get_by_role("link", name="a", exact=True).click()
    assert any("Content Security Policy" in found for found in watch.complaints)


def test_a_foreign_host_is_seen(planted):
    _, watch = planted('<img src="https://elsewhere.example/pixel.png" alt="">')
    assert any("elsewhere.example" in found for found in watch.foreign() + watch.complaints)


def test_a_heavy_page_is_seen(planted):
    _, watch = planted(f"<!-- {'x' * checks.FIRST_VIEW_MAX} -->")
    assert any("first view" in found for found in watch.too_heavy())


@pytest.mark.parametrize(
    ("what", "html", "most"),
    [
        ("CSS", '<link rel="stylesheet" href="/planted.css">', checks.STYLE_MAX),
        ("JS", '<script src="/planted.js"></script>', checks.SCRIPT_MAX),
    ],
)
def test_heavy_style_and_script_are_seen(planted, what, html, most):
    _, watch = planted(html, f"/* {random.Random(1).randbytes(most).hex()} */")
    assert [found.split(":")[0] for found in watch.too_heavy()] == [what]


def test_a_missing_file_is_seen(planted):
    _, watch = planted('<img src="/static/icons/nothing.svg" alt="">')
    assert any("nothing.svg" in found for found in watch.too_heavy())


def test_what_sticks_out_is_seen(planted):
    page, _ = planted(
        '<table><tr><td class="wide"><img src="/static/icons/logo.svg" alt="" width="600"></td></tr></table>'
    )
    page.evaluate("document.querySelector('.wide img').style.maxWidth = 'none'")
    assert any("600" in found for found in checks.sideways_scroll(page))


def test_what_sticks_out_only_with_long_words_is_seen(planted):
    page, _ = planted('<p class="one-line">Rindfleischetikettierungsgesetz, Fernsehgerätezubehör</p>')
    page.evaluate("document.querySelector('.one-line').style.cssText = 'white-space: nowrap; font-size: 11px'")
    found = checks.sideways_scroll(page)
    assert found
    assert all("long words" in one for one in found)


def test_a_small_target_is_seen(planted):
    page, _ = planted('<button class="tiny" type="button">x</button>')
    page.evaluate(
        "document.querySelector('.tiny').style.cssText = 'padding: 0; min-height: 0; border: 0; font-size: 10px'"
    )
    assert any("tiny" in found for found in checks.small_targets(page))


def test_html_validate_finds_a_doubled_id(tmp_path):
    (tmp_path / "doubled.html").write_text(
        "<!DOCTYPE html><html lang='de'><head><title>x</title></head><body><p id='a'></p><p id='a'></p></body></html>"
    )
    assert any("no-dup-id" in found for found in messages(tmp_path))


def test_a_page_that_nobody_visits_is_seen():
    app = Flask("marketplace")
    app.add_url_rule("/forgotten", "tasks.forgotten", lambda: "")
    assert "tasks.forgotten" in unvisited(app)
