"""The way to the badge as its helper reads it: each condition with its figure, and what is still missing."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from marketplace import clock
from marketplace.domain.policy import Policy
from marketplace.jobs import badges
from marketplace.models import User
from tests.factories import make_done_booking, make_helper, make_review, make_user
from tests.page import Page

SignIn = Callable[[User], Page]
MARK = "You are a Friend since"


def well_done(session: Session, helper: User, times: int, *, stars: int = 5, customer: User | None = None) -> None:
    for _ in range(times):
        make_review(session, make_done_booking(session, helper=helper, customer=customer), stars=stars)


def way(page: Page) -> dict[str, str]:
    """Each condition with its figure: those still missing, then those met."""
    page.get("/my-badge")
    lines = [*page.all("main .card .progress label"), *page.all("main .met li span")]
    return {(line.text or "").strip(): line.cssselect("strong")[0].text_content() for line in lines}


def test_each_condition_says_how_far_it_is(session: Session, sign_in: SignIn) -> None:
    helper, faithful = make_helper(session), make_user(session)
    well_done(session, helper, 2, customer=faithful)
    well_done(session, helper, 1)
    page = sign_in(helper)
    assert way(page) == {
        "Bookings signed off": "3 of 5",
        "Different customers": "2 of 4",
        "Cautious rating": "3.8 of 4.3 stars",
        "Certified for at least one field of help": "",
        "Agreed visits that took place": "100 %",
        "No open safety case": "",
    }
    assert "The average of your 3 reviews is 5.0." in page.text
    first = page.all("progress")[0]
    assert (first.get("value"), first.get("max")) == ("3", "5")
    assert MARK not in page.text


def test_a_new_helper_begins_at_nothing(session: Session, sign_in: SignIn) -> None:
    page = sign_in(make_helper(session, skills=()))
    figures = way(page)
    assert figures["Certified for at least one field of help"] == "not yet"
    assert figures["Bookings signed off"] == "0 of 5"
    assert figures["Cautious rating"].startswith("0.0 of")
    assert "The mark comes by itself" in page.text


def test_the_mark_comes_with_the_fifth_visit_and_goes_again(session: Session, sign_in: SignIn) -> None:
    helper = make_helper(session)
    well_done(session, helper, 5)
    page = sign_in(helper)
    assert way(page)["Bookings signed off"] == "5"
    assert "Every condition is met. The mark appears within a minute." in page.text
    badges.refresh_stale(policy=Policy())
    way(page)
    assert MARK in page.text
    assert page.all("main .badge-friend")
    with clock.moved_to(clock.now() + timedelta(minutes=1)):
        well_done(session, helper, 2, stars=1)
        badges.refresh_stale(policy=Policy())
        assert way(page)["Bookings signed off"] == "7"
        assert MARK not in page.text
        assert page.get("/notices").all("a[href='/my-badge']")


@pytest.mark.parametrize("language", ["de", "fr", "it"])
def test_the_way_is_told_in_the_helpers_language(app: Flask, session: Session, language: str) -> None:
    page = Page(app, language)
    page.sign_in(make_helper(session, language=language))
    figures = way(page)
    assert "Bookings signed off" not in figures
    assert next(iter(figures.values())) == {"de": "0 von 5", "fr": "0 sur 5", "it": "0 su 5"}[language]


def test_the_operators_own_name_and_numbers_are_shown(
    app: Flask, session: Session, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "BADGE_NAME", "Nachbar")
    monkeypatch.setitem(app.extensions, "policy", Policy(friend_bookings=8))
    page = sign_in(make_helper(session))
    assert way(page)["Bookings signed off"] == "0 of 8"
    assert "My way to the Nachbar badge" in page.text


def test_it_is_a_page_of_helpers(session: Session, client: Page, sign_in: SignIn) -> None:
    client.get("/my-badge", 302)
    page = sign_in(make_user(session)).get("/my-badge", 403)
    assert "This is for helpers." in page.text
