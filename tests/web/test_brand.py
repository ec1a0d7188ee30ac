"""The operator's own face: what the settings name is what people see, in the pages, the mails and the style sheet."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from config import LANGUAGES
from marketplace.web.pages import OWN_TEXTS
from tests.factories import make_bid, make_helper, make_task, make_user
from tests.page import Page

Start = Callable[..., Flask]
FACE = {
    "BRAND_NAME": "Nachbarnetz",
    "BRAND_LOGO": "/static/icons/nachbarnetz.svg",
    "BRAND_COLOUR": "#0a7d4b",
    "BRAND_COLOUR_DARK": "#5fd0a0",
    "BADGE_NAME": "Nachbar",
    "OPERATOR_NAME": "Netz Genossenschaft",
    "OPERATOR_ADDRESS": "Werkgasse 7, 9490 Vaduz",
    "OPERATOR_MAIL": "wir@nachbarnetz.example",
    "CURRENCY": "EUR",
    "FEE_PERCENT": "15",
}


def test_name_logo_and_colours_are_the_operators(started_in: Start) -> None:
    app = started_in("test", **FACE)
    with app.app_context():
        page = Page(app).get("/")
        brand = page.all("header a.brand")[0]
        assert brand.text_content().strip() == "Nachbarnetz"
        assert brand.cssselect("img")[0].get("src") == page.all("link[rel=icon]")[0].get("href") == FACE["BRAND_LOGO"]
        assert page.document.cssselect("title")[0].text.endswith("– Nachbarnetz")
        assert "Hilfreich" not in page.text
        sheets = [page.client.get(one.get("href")).text for one in page.all("link[rel=stylesheet]")]
        assert [sheet.count("--brand:#0a7d4b") + sheet.count("--brand:#5fd0a0") for sheet in sheets] == [0, 2]


def test_without_a_colour_the_houses_own_sheet_is_the_only_one(client: Page) -> None:
    assert len(client.get("/").all("link[rel=stylesheet]")) == 1


@pytest.mark.parametrize("colour", ["green", "#0a7", "#0a7d4b;}body{display:none"])
def test_a_colour_that_is_none_does_not_start(started_in: Start, colour: str) -> None:
    with pytest.raises(ValueError, match="a colour is written like"):
        started_in("test", BRAND_COLOUR=colour)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_legal_pages_name_the_operator(started_in: Start, language: str) -> None:
    app = started_in("test", **FACE)
    with app.app_context():
        page = Page(app, language)
        imprint = page.get("/imprint").text
        assert all(FACE[name] in imprint for name in ("OPERATOR_NAME", "OPERATOR_ADDRESS", "OPERATOR_MAIL")), imprint
        for address in ("/imprint", "/terms", "/privacy", "/how-it-works"):
            text = page.get(address).text
            assert "{" not in text
            assert "Hilfreich" not in text
        assert "15" in page.get("/terms").text


def test_own_texts_come_first_and_what_is_missing_is_ours(started_in: Start, tmp_path: Path) -> None:
    (tmp_path / "imprint.de.md").write_text(
        "# Wer wir sind\n\n{operator} freut sich. <script>alert(1)</script>\n\n[Fremdes](javascript:alert(1))\n"
    )
    app = started_in("test", CONTENT_FOLDER=str(tmp_path), **FACE)
    with app.app_context():
        own = Page(app, "de").get("/imprint")
        assert own.document.cssselect("h1")[0].text_content() == "Wer wir sind"
        assert "Netz Genossenschaft freut sich." in own.text
        assert not own.all("main script, main a[href^=javascript]")
        assert FACE["OPERATOR_ADDRESS"] in Page(app, "fr").get("/imprint").text


def test_each_of_our_texts_is_there_in_each_language() -> None:
    names = {file.name.split(".")[0] for file in OWN_TEXTS.glob("*.md")}
    assert names == {"how_it_works", "imprint", "privacy", "terms"}
    assert all((OWN_TEXTS / f"{name}.{code}.md").exists() for name in names for code in LANGUAGES)


def test_currency_and_fee_reach_the_price_that_people_see(started_in: Start, session: Session) -> None:
    app = started_in("test", **FACE)
    task, helper = make_task(session), make_helper(session)
    with app.app_context():
        assert "EUR 30.00" in flat(Page(app).get("/").text)
        typed = Page(app, "en")
        typed.sign_in(helper)
        typed.get(f"/tasks/{task.public_id}/bids/new")
        typed.submit({"price": "60", "included": "Alles"}, status=200)
        assert "EUR 51.00" in flat(typed.text)  # 60.00 less fifteen percent
        assert "CHF" not in typed.text


def test_what_was_agreed_in_one_currency_stays_in_it(started_in: Start, session: Session) -> None:
    bid = make_bid(session, make_task(session, customer := make_user(session)))  # in francs, at ten percent
    app = started_in("test", **FACE)
    with app.app_context():
        page = Page(app, "en")
        page.sign_in(customer)
        shown = flat(page.get(f"/bids/{bid.public_id}").text)
        assert "CHF" in shown
        assert "EUR" not in shown


def flat(text: str) -> str:
    """With ordinary spaces between figures and their currency."""
    return text.replace("\N{NO-BREAK SPACE}", " ")
